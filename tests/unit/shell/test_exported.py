"""Every metric that a process exports is in the table, and the reverse."""

import ast
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, CollectorRegistry

import inference.archiver.service
import inference.learner.metrics
import inference.shell.metrics
import inference.transformer.logbook
import inference.transformer.metrics  # noqa: F401
from hidden_gems.core.metrics import METRICS, Metric
from inference.collector.metrics import Metrics
from inference.shell.exported import counter, gauge, histogram

ROOT = Path(__file__).parents[3]


def exported(registry: CollectorRegistry) -> set[tuple[str, str, str]]:
    """Name, kind and help of what our modules registered."""
    return {
        (f"{each.name}_total" if each.type == "counter" else each.name, each.type, each.documentation)
        for each in registry.collect()
        if each.name.startswith("gems_") and not each.name.startswith("gems_test_")
    }


def test_what_processes_export_is_the_table() -> None:
    known = {(metric.name, metric.kind, metric.help) for metric in METRICS.values()}
    assert exported(REGISTRY) | exported(Metrics().registry) == known


def test_nothing_but_the_shell_makes_metrics() -> None:
    makers = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"}
    found = [
        path.relative_to(ROOT).as_posix()
        for room in ("inference", "hidden_gems", "components")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module == "prometheus_client"
        and makers & {name.name for name in node.names}
    ]
    assert found == ["inference/shell/exported.py"]


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda each: each.name)
def test_names_keep_the_rules_of_prometheus(metric: Metric) -> None:
    assert metric.name.startswith("gems_")
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert metric.kind != "histogram" or metric.name.endswith("_seconds")
    assert metric.help
    assert not {"le", "quantile"} & set(metric.labels)


def test_labels_come_from_the_table() -> None:
    registry = CollectorRegistry()
    counter("gems_errors_total", registry).labels(protocol="http", code="400").inc()
    assert registry.get_sample_value("gems_errors_total", {"protocol": "http", "code": "400"}) == 1.0


def test_what_is_not_in_the_table_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="no counter named 'gems_clicks_total'"):
        counter("gems_clicks_total")
    with pytest.raises(ValueError, match="no gauge named 'gems_errors_total'"):
        gauge("gems_errors_total")
    with pytest.raises(ValueError, match="no histogram"):
        histogram("gems_ready", [1.0])


def test_status_reads_names_of_the_table() -> None:
    from hidden_gems.cli import stack, status

    read = [status.STATE_VERSION, status.LAG, status.AGE, status.RELEASE, status.VERDICT, status.RETURNS]
    read += [line.split()[0] for line in stack.WORKS.values()]
    assert set(read) <= METRICS.keys()
