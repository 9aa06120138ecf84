"""Boards and rules read only what is exported, and Grafana and Prometheus can read them."""

import json
import re
import shutil
import subprocess
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from hidden_gems.core.metrics import METRICS, Metric
from hidden_gems.monitoring.foreign import FOREIGN
from tests.unit.monitoring.promql import read

ROOM = Path(str(files("hidden_gems.monitoring")))
BOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOM / "dashboards").glob("*.json"))
}
GROUPS: dict[str, list[dict[str, Any]]] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]["groups"]
    for path in sorted((ROOM / "alerts").glob("*.yaml"))
    if not path.stem.endswith(".test")
}
_ALL = [rule for groups in GROUPS.values() for group in groups for rule in group["rules"]]
RULES = [rule for rule in _ALL if "alert" in rule]
RECORDED = {rule["record"]: Metric(rule["record"], "gauge", "recorded") for rule in _ALL if "record" in rule}
PANELS = [panel for board in BOARDS.values() for panel in board["panels"] if panel["type"] != "row"]
TARGETS = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]
EXPRESSIONS = [
    *(target["expr"] for _, target in TARGETS),
    *(each["expr"] for board in BOARDS.values() for each in board["annotations"]["list"] if "expr" in each),
    *(rule["expr"] for rule in _ALL),
]
KNOWN = {**METRICS, **FOREIGN, **RECORDED}
SAMPLES = {sample: metric for metric in KNOWN.values() for sample in metric.samples}
UNITS = {"cps", "short", "s", "µs", "percentunit", "none"}
OF_THE_TARGET = {"instance", "job", "namespace", "pod", "container", "component", "hidden_gems_track"}


def labels(sample: str) -> set[str]:
    """Labels that a sample has."""
    return {*SAMPLES[sample].labels, *OF_THE_TARGET} | ({"le"} if sample.endswith("_bucket") else set())


def wrong(expression: str) -> list[str]:
    """What an expression reads that nobody exports, or reads as what it is not."""
    found = read(expression)
    said = [f"no metric {name}" for name, _ in found.samples if name not in SAMPLES]
    if said:
        return said
    known = set().union(*(labels(name) for name, _ in found.samples))
    said += [f"{name} has no label {label}" for name, label in found.matched if label not in labels(name)]
    said += [f"nothing here has a label {label}" for label in sorted(found.grouped - known)]
    for name, caller in found.samples:
        counts = SAMPLES[name].kind != "gauge"
        if counts != (caller in ("rate", "increase")):
            said.append(f"{name} is a {SAMPLES[name].kind} and stands in {caller or 'nothing'}")
    return said or ([] if found.samples else ["it reads nothing"])


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_names_metrics_of_the_table(expression: str) -> None:
    assert wrong(expression) == []


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("sum(rate(gems_clicks_total[5m]))", "no metric gems_clicks_total"),
        ("sum(rate(gems_feedback_to_effect_seconds[5m]))", "no metric gems_feedback_to_effect_seconds"),
        ("sum(rate(gems_learner_messages_total{kind='x'}[5m]))", "gems_learner_messages_total has no label kind"),
        ("sum by (variant) (rate(gems_drift_events_total[5m]))", "nothing here has a label variant"),
        ("rate(gems_learner_lag_messages[5m])", "gems_learner_lag_messages is a gauge and stands in rate"),
        ("max(gems_drift_events_total)", "gems_drift_events_total is a counter and stands in max"),
        ("1 + 1", "it reads nothing"),
    ],
)
def test_a_wrong_expression_is_found(expression: str, said: str) -> None:
    assert wrong(expression) == [said]


@pytest.mark.parametrize(
    "expression", ["sum(gems_ready", "guess(gems_ready)", "gems_ready ? 1", "max(gems_ready{a='b')"]
)
def test_what_is_no_promql_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"brackets|bracket|function|not PromQL"):
        read(expression)


def test_all_that_was_promised_is_drawn() -> None:
    drawn = {SAMPLES[name].name for _, target in TARGETS for name, _ in read(target["expr"]).samples}
    assert drawn >= {
        "gems_collector_accepted_total", "gems_online_feedback_share", "gems_learner_applied_age_seconds",
        "gems_learner_lag_messages", "gems_learner_messages_total", "gems_feedback_to_effect_seconds",
        "gems_online_reward_per_slate", "gems_drift_events_total", "gems_explored_places_total",
    }  # fmt: skip
    heatmap, quantiles = [p for p in PANELS if p["title"].startswith("Feedback to effect")]
    assert (heatmap["type"], heatmap["targets"][0]["format"]) == ("heatmap", "heatmap")
    assert [target["legendFormat"] for target in quantiles["targets"]] == ["p50", "p99"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    unit = panel["options"]["yAxis"]["unit"] if panel["type"] == "heatmap" else panel["fieldConfig"]["defaults"]["unit"]
    assert unit in UNITS
    read_of = {SAMPLES[name].name for target in panel["targets"] for name, _ in read(target["expr"]).samples}
    assert (unit == "s") == all(name.endswith("_seconds") for name in read_of)
    assert (unit == "µs") == any(name.endswith("_us") for name in read_of)
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@pytest.mark.parametrize(("title", "target"), TARGETS, ids=lambda each: each if isinstance(each, str) else "")
def test_a_legend_names_labels_that_are_left(title: str, target: dict[str, Any]) -> None:
    named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
    assert named <= read(target["expr"]).grouped


@pytest.mark.parametrize("name", BOARDS)
def test_grafana_can_place_every_panel(name: str) -> None:
    board = BOARDS[name]
    assert (board["id"], board["uid"], board["schemaVersion"]) == (None, f"hidden-gems-{name}", 39)
    [source] = board["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    at = [(p["gridPos"], p["title"]) for p in board["panels"]]
    assert all(pos["x"] >= 0 and pos["x"] + pos["w"] <= 24 and pos["w"] > 0 and pos["h"] > 0 for pos, _ in at)
    overlapping = [
        (first, second)
        for (a, first), (b, second) in combinations(at, 2)
        if a["x"] < b["x"] + b["w"]
        and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"]
        and b["y"] < a["y"] + a["h"]
    ]
    assert overlapping == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule["annotations"]) == {"summary", "what_to_do"}
    assert rule["labels"]["severity"] in ("page", "ticket")


PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian: prometheus) is not installed")


@needs_promtool
@pytest.mark.parametrize("name", GROUPS)
def test_rules_fire_when_they_should_and_not_otherwise(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump({"groups": GROUPS[name]}))
    tests = shutil.copy(ROOM / "alerts" / f"{name}.test.yaml", tmp_path)
    ran = subprocess.run([str(PROMTOOL), "test", "rules", tests], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@needs_promtool
def test_prometheus_reads_every_expression(tmp_path: Path) -> None:
    spans = {"$__rate_interval": "5m", "$__range": "6h"}
    plain = [re.sub(r"\$__\w+", lambda found: spans[found.group()], each) for each in EXPRESSIONS]
    rules = [{"record": f"check:{number}", "expr": each} for number, each in enumerate(plain)]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "check", "rules": rules}]}))
    ran = subprocess.run([str(PROMTOOL), "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{len(EXPRESSIONS)} rules found" in ran.stdout
