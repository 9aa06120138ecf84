"""The report finds nothing wrong with what was told, and everything that is made wrong on purpose."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hidden_gems.benchmark.certainty import Pairs
from hidden_gems.benchmark.explained import Anew, Told, tell
from hidden_gems.benchmark.faithfulness import CHECKS, Faithfulness, check, faithfulness
from hidden_gems.benchmark.loop_release import TrialRelease
from hidden_gems.benchmark.opened import Opened, askers
from hidden_gems.datasets.dataset import About, Dataset
from hidden_gems.export.sessions import RankerSession
from hidden_gems.export.trees import export_lambdamart
from hidden_gems.features.rows import UserRow
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.models.lambdamart import LambdaMART, LambdaMARTConfig
from hidden_gems.online.state import prior_state
from hidden_gems.recommend.certainty import Certainty
from tests.factories import rich_dataset
from tests.worlds import COUNT, NOW, person, rows, tables

SETTING, WEATHER, AUTHENTICITY = (FEATURE_NAMES.index(name) for name in ("setting", "weather", "authenticity"))


def ranker() -> LambdaMART:
    """Trees that like authentic gems, and in bad weather those that are indoors."""
    random = np.random.default_rng(0)
    x = np.zeros((4_000, len(FEATURE_NAMES)), dtype=np.float32)
    told = [SETTING, WEATHER, AUTHENTICITY]
    x[:, told] = random.random((len(x), len(told)))
    good = x[:, AUTHENTICITY] + np.where(x[:, WEATHER] > 0.5, 1.0 - x[:, SETTING], 0.3)
    label = np.digitize(good, [0.6, 1.2, 1.6])
    return LambdaMART(FEATURE_NAMES, LambdaMARTConfig(trees=20, leaf_rows=200)).fit(x, label, np.full(200, 20))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    folder: Path = tmp_path_factory.mktemp("release")
    booster = ranker()
    (folder / "ranker").mkdir()
    export_lambdamart(booster, folder / "ranker" / "lambdamart.onnx")
    (folder / "policy").mkdir()
    ids = [f"g{number}" for number in range(1, COUNT + 1)]
    np.savez(
        folder / "policy" / "arms.npz",
        item_ids=np.array(["", *ids]),
        successes=np.linspace(1.0, 2.0, COUNT + 1),
        failures=np.full(COUNT + 1, 8.0),
    )
    people: dict[str, UserRow] = {f"u{n}": person(f"g{n + 1}", f"g{n + 5}").row for n in range(6)}
    about = About("made up", "Europe/Istanbul", "made-up", simulated=True)
    release = TrialRelease(
        "r1", about, tables(), None, RankerSession(folder), lambda: prior_state(folder), {}, people, {}, NOW
    )
    dataset = replace(rich_dataset(), about=about)
    assert isinstance(dataset, Dataset)
    world = replace(release.world(still=False), rows=rows())
    return Opened(release, booster, dataset, release.store(), world)


@pytest.fixture(scope="module")
def told(opened: Opened) -> Told:
    asked = next(request for request in askers(opened, 20, 5) if request.context.weather in ("rain", "storm", "snow"))
    return tell(opened, asked, np.random.default_rng(0))


def test_what_is_told_is_what_the_models_did(opened: Opened) -> None:
    report = faithfulness(opened, 12, seed=0).as_dict()
    counts = report["counts"]
    assert [counts[name] for name in ("answers", "en", "tr", "gems")] == [12, 6, 6, 120]
    assert counts["strangers"] >= 1
    assert report["checks"]["concept"]["of"] == 120 - counts.get("gems_without_a_reason", 0)
    assert report["checks"]["counterfactual"]["of"] == counts["counterfactuals"]
    for name in set(CHECKS) - {"attention"}:
        assert report["checks"][name]["kept"], report["checks"][name]
        assert report["checks"][name]["of"] > 0, name
    assert report["checks"]["attention"] | {"what": ""} == {
        "what": "", "passed": 0, "of": 0, "share": None, "low": 0.0, "high": 1.0, "least": 1.0, "kept": True,
        "offenders": [],
    }  # fmt: skip
    assert set(report["first_reasons"]) == {"authenticity", "weather"}
    assert report["furthest"]["additive"] < 1e-12


def _other(told: Told, **parts: Any) -> Told:
    """The first gem told otherwise."""
    first, *others = told.explanations
    return replace(told, explanations=[{**first, **parts}, *others])


LIES: dict[str, Callable[[Told], Told]] = {
    "additive": lambda told: replace(told, scored=replace(told.scored, contributions=told.scored.contributions + 1e-6)),
    "concept": lambda told: _other(told, top_features=[{"name": "price", "label": "price", "importance": 0.5}]),
    "counterfactual": lambda told: _other(
        told, counterfactuals=[{"change": {"weather": "clear"}, "score_change": 7.0, "rank_change": 0}]
    ),
    "attention": lambda told: _other(told, attention=[{"item_id": "g1", "name": "Gem 1", "weight": 0.4}]),
    "facts": lambda told: _other(told, text="It has a Michelin star."),
    "told": lambda told: _other(told, text=" "),
    "own_words": lambda told: _other(told, text=told.explanations[1]["text"]),
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_lie_is_found_and_named(opened: Opened, told: Told, name: str) -> None:
    honest, found = Faithfulness(), Faithfulness()
    check(honest, opened, told)
    check(found, opened, LIES[name](told))
    wrong = [tallies[name].of - tallies[name].passed for tallies in (honest.tallies, found.tallies)]
    assert wrong[0] < wrong[1]
    assert not found.as_dict()["checks"][name]["kept"] or name == "concept"
    [first, *_] = found.tallies[name].offenders
    assert first["item_id"] == told.shown.items[0]["item_id"]


def test_a_counterfactual_of_another_rank_is_found(opened: Opened, told: Told) -> None:
    true = Anew(opened, told)
    now, then = true.score(told.shown.vectors), true.under("weather", "clear")
    rank = int((then > then[0]).sum() - (now > now[0]).sum())
    change = {"change": {"weather": "clear"}, "score_change": float(then[0] - now[0])}
    for off in (0, 1):
        found = Faithfulness()
        check(found, opened, _other(told, counterfactuals=[change | {"rank_change": rank + off}]))
        offenders = found.tallies["counterfactual"].offenders
        assert bool(offenders) is bool(off)


def test_without_its_weather_a_gem_is_scored_in_other_weather(opened: Opened, told: Told) -> None:
    anew = Anew(opened, told)
    pool = np.concatenate([told.shown.vectors, told.scored.background])[1:]
    blocks = []
    for change in told.scored.tried:
        if change.name == "weather":
            x = np.repeat(told.shown.vectors[:1], len(pool), axis=0)
            x[:, SETTING] = pool[:, SETTING]
            for name in ("temperature", "hot_or_cold"):
                x[:, FEATURE_NAMES.index(name)] = pool[:, FEATURE_NAMES.index(name)]
            x[:, WEATHER] = change.features["weather"]
            blocks.append(anew.score(x).mean())
    assert blocks
    assert anew.without(0, "weather") == pytest.approx(float(np.mean(blocks)))


def test_times_that_are_an_order_have_no_hour_and_no_week(opened: Opened) -> None:
    about = replace(opened.dataset.about, order_only=True)
    at = opened.dataset.now - 20 * 86_400
    ordered = replace(
        opened,
        dataset=replace(opened.dataset, about=about),
        release=replace(opened.release, about=about, at=at),
        world=replace(opened.world, about=about),
    )
    report = faithfulness(ordered, 4, seed=0).as_dict()
    assert report["counts"]["gems"] == 40
    assert all(check["kept"] for check in report["checks"].values()), report["checks"]
    assert set(report["first_reasons"]) <= {"authenticity", "weather"}
    fits, judges = (Pairs.of(ordered, half) for half in (True, False))
    assert min(fits.people, judges.people) > 3
    assert len(fits.apart) == len(fits.width) == len(fits.person) > fits.people
    assert np.unique(fits.person).tolist() == list(range(fits.people))
    in_a_week = Pairs.of(replace(ordered, dataset=opened.dataset), fits=True)
    assert 0 < in_a_week.people <= fits.people
    young = replace(ordered, release=replace(ordered.release, at=opened.dataset.now))
    nobody = Pairs.of(young, fits=True)
    assert (nobody.people, nobody.fitted()) == (0, Certainty())
