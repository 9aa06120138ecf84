import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hidden_gems.benchmark.pool import COLD
from hidden_gems.benchmark.targets import MET, MISSED, NOT_MEASURED, REACHED, SLATES, TARGETS, Target, measure
from hidden_gems.cli.__main__ import app
from hidden_gems.core.errors import BadInputError
from hidden_gems.evaluation.report import Comparison, Evaluation, Figure

P = "100 uniform negatives, new places"
AUC = Target("ranking", "AUC", ("ncf",), P, "auc", 0.85)
COLDER = Target("relative", "colder", ("wide_deep",), P, "ndcg@10", 1.10, ("ncf",), COLD)


def report(*figures: Figure, comparisons: tuple[Comparison, ...] = (), simulated: bool = False) -> Evaluation:
    whole = tuple(f for f in figures if not f.cohort)
    parts = tuple(f for f in figures if f.cohort)
    return Evaluation("town", "abc", simulated, 0, 10, {}, {}, {}, whole, cohorts=parts, comparisons=comparisons)


def auc(model: str, value: float, low: float = math.nan, high: float = math.nan) -> Figure:
    return Figure(model, P, "auc", value, low, high, 5)


@pytest.mark.parametrize(
    ("value", "low", "popular", "oracle", "verdict"),
    [
        (0.9, 0.86, 0.7, 1.0, MET),
        (0.9, 0.85, 0.7, 1.0, MET),
        (0.85, 0.8, 0.7, 1.0, REACHED),
        (0.849, 0.8, 0.7, 1.0, MISSED),
        (0.8, 0.7, 0.7, 0.84, "impossible: the oracle has 0.840"),
        (0.8, 0.7, 0.7, 0.8, "impossible: the oracle has 0.800"),
        (0.82, 0.7, 0.7, 0.8, "missed: the oracle has 0.800"),
        (0.9, 0.86, 0.7, 0.8, MET),
        (0.9, 0.86, 0.86, 1.0, "trivial: popular has 0.860"),
    ],
)
def test_the_verdict_of_a_figure(value: float, low: float, popular: float, oracle: float, verdict: str) -> None:
    figures = (auc("ncf", value, low, 0.95), auc("popular", popular), auc("oracle", oracle))
    [row] = measure([report(*figures)], [AUC])
    assert row.verdict == verdict
    assert (row.value, row.low, row.high, row.popular, row.oracle) == (value, low, 0.95, popular, oracle)
    assert row.gap_closed == pytest.approx((value - popular) / (oracle - popular))
    assert (row.data, row.of, row.protocol) == ("town", "ncf", P)


def test_without_an_oracle_there_is_no_gap() -> None:
    [row] = measure([report(auc("ncf", 0.9, 0.86, 0.95), auc("popular", 0.7))], [AUC])
    assert row.verdict == MET
    assert math.isnan(row.oracle)
    assert math.isnan(row.gap_closed)
    assert row.as_dict()["oracle"] is None


def cold(wide: float, low: float) -> Evaluation:
    names = {"ncf": 0.5, "wide_deep": 0.5 * wide, "popular": 0.2, "oracle": 0.9}
    figures = [Figure(n, P, "ndcg@10", v, math.nan, math.nan, 5, 0, COLD) for n, v in names.items()]
    ratio = (1 / wide, 1 / (wide + 0.05), 1 / low)  # stored the other way round
    turned = Comparison("ncf", "wide_deep", P, "ndcg@10", COLD, 0.0, 0.0, 0.0, *ratio, users=5)
    return report(*figures, comparisons=(turned,))


def test_a_ratio_in_a_cohort() -> None:
    [row] = measure([cold(1.2, 1.12)], [COLDER])
    assert (row.value, row.low, row.high) == pytest.approx((1.2, 1.12, 1.25))
    assert (row.verdict, row.of) == (MET, "wide_deep / ncf")
    assert row.gap_closed == pytest.approx((0.6 - 0.2) / (0.9 - 0.2))
    assert measure([cold(1.05, 1.0)], [COLDER])[0].verdict == MISSED


def test_slates_need_a_lift_over_the_logged_order() -> None:
    target = Target("ranking", "whole", ("blend",), SLATES, above=0.7)
    figure = Figure("blend", SLATES, "ndcg@10", 0.8, 0.75, 0.85, 5)
    for low, verdict in ((0.01, MET), (0.0, "missed: no sure lift over the logged order")):
        lift = Comparison("blend", "logged order", SLATES, "ndcg@10", "", 0.1, low, 0.2, 1.1, 1.0, 1.2, users=5)
        assert measure([report(figure, comparisons=(lift,))], [target])[0].verdict == verdict


def test_seeds_of_the_simulator_are_one_row() -> None:
    cities = [report(auc("ncf", v, v - 0.03, v + 0.06), auc("popular", 0.5), simulated=True) for v in (0.88, 0.9, 0.92)]
    [row] = measure(cities, [AUC])
    assert row.data == "3 simulated cities"
    assert row.value == pytest.approx(0.9)
    assert row.low == pytest.approx(0.9 - 0.03 * math.sqrt(3) / 3)
    assert row.high == pytest.approx(0.9 + 0.06 * math.sqrt(3) / 3)
    assert row.verdict == MET
    easy = replace(cities[0], figures=(auc("ncf", 0.9, 0.88, 0.95), auc("popular", 0.9)))
    assert measure([easy, *cities[1:]], [AUC])[0].verdict == "trivial: popular has 0.900 (1 of 3 seeds)"


def test_real_data_and_the_simulator_are_rows_of_their_own() -> None:
    both = [report(auc("ncf", 0.9, 0.88, 0.95)), report(auc("ncf", 0.8, 0.7, 0.9), simulated=True)]
    assert [(row.data, row.verdict) for row in measure(both, [AUC])] == [("town", MET), ("town (simulated)", MISSED)]
    assert len(measure(both, [replace(AUC, simulated=False)])) == 1


def test_what_no_report_has_is_named_and_nothing_of_the_plan_is_left_out() -> None:
    rows = measure([])
    assert len(rows) == len(TARGETS)
    assert {row.verdict for row in rows} == {NOT_MEASURED}
    areas = {"ranking", "relative", "shelf", "closed loop", "business", "speed", "operation", "people"}
    assert {row.area for row in rows} == areas
    assert measure([report(auc("popular", 0.5))], [AUC])[0].verdict == NOT_MEASURED


def test_the_command_reads_reports(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report(auc("ncf", 0.9, 0.88, 0.95)).as_dict()))
    run = CliRunner().invoke(app, ["targets", "--report", str(path), "--json"])
    rows = json.loads(run.stdout)
    found = next(row for row in rows if row["target"] == "AUC > 0.85, ncf" and row["protocol"] == P)
    assert (found["value"], found["verdict"], found["oracle"]) == (0.9, MET, None)
    text = CliRunner().invoke(app, ["targets", "--report", str(path)], env={"COLUMNS": "100"}).stdout
    assert "0.880–0.950" in text
    assert "speed: > 1000 QPS – not measured yet" in text.splitlines()
    assert text.count("relative: SASRec +15 % over NCF, returning people – not measured yet") == 1
    path.write_text("[]")
    wrong = CliRunner().invoke(app, ["targets", "--report", str(path)])
    assert isinstance(wrong.exception, BadInputError)
    assert "is no report" in str(wrong.exception)


def trial(*cities: float, interval: tuple[float, float] = (0.2, 0.4)) -> dict[str, object]:
    """A report of the closed loop: lift of online over logged, and what new gems need."""
    ends = dict(zip(("low", "high"), interval, strict=True))
    lift = {
        "by_seed": list(cities),
        "seeds": {"value": 0.35, **ends},
        "people": {"value": 0.35, "low": 0.31, "high": 0.4},
    }
    return {
        "config": {"people": 9, "days": 60}, "seeds": [{"seed": seed} for seed in range(len(cities))],
        "lift": {"online": {"logged": {"ctr": lift}}}, "rare_share": {"online": [0.39, 0.43]},
        "new_gems": {"online_over_epsilon": {"value": 0.4, "low": 0.3, "high": 0.6}},
    }  # fmt: skip


def test_what_a_trial_says_is_judged() -> None:
    by_name = {row.target: row for row in measure([], trials=[trial(0.3, 0.4)])}
    ctr = by_name["CTR +30 %"]
    assert (ctr.value, ctr.low, ctr.high, ctr.verdict, ctr.of) == (1.35, 1.2, 1.4, REACHED, "online / logged")
    assert (ctr.data, ctr.protocol) == ("2 simulated cities, closed loop", "9 people, 60 days")
    [one] = [row for row in measure([], trials=[trial(0.35)]) if row.target == "CTR +30 %"]
    assert (one.low, one.verdict, one.data) == (1.31, MET, "1 simulated city, closed loop")
    gems = by_name["new gems at 90 % of their true rank: half the impressions of ε-greedy"]
    assert (gems.value, gems.high, gems.verdict) == (0.4, 0.6, REACHED)
    rare = by_name["40 % of what is shown is rare (< 10 % popularity)"]
    assert rare.value == pytest.approx(0.41)
    assert (rare.low, rare.verdict) == (0.39, REACHED)
    assert by_name["visits +25 %"].verdict == NOT_MEASURED


def test_a_file_that_is_no_trial_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    for text in ("{", "[]", '{"lift": {}}'):
        path.write_text(text)
        result = CliRunner().invoke(app, ["targets", "--trial", str(path)])
        assert isinstance(result.exception, BadInputError)
        assert str(path) in str(result.exception)
