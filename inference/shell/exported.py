"""Metrics of a process, made out of the table of `core.metrics` and by nothing else."""

from collections.abc import Sequence

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from hidden_gems.core.metrics import METRICS, Kind, Metric


def counter(name: str, registry: CollectorRegistry = REGISTRY) -> Counter:
    """A counter of the table."""
    metric = _named(name, "counter")
    return Counter(name, metric.help, metric.labels, registry=registry)


def gauge(name: str, registry: CollectorRegistry = REGISTRY) -> Gauge:
    """A gauge of the table."""
    metric = _named(name, "gauge")
    return Gauge(name, metric.help, metric.labels, registry=registry)


def histogram(name: str, buckets: Sequence[float], registry: CollectorRegistry = REGISTRY) -> Histogram:
    """A histogram of the table, with the upper bounds of its buckets."""
    metric = _named(name, "histogram")
    return Histogram(name, metric.help, metric.labels, buckets=buckets, registry=registry)


def _named(name: str, kind: Kind) -> Metric:
    """The line of the table.

    Raises:
        ValueError: If there is none, or it says something else; write it there first.
    """
    metric = METRICS.get(name)
    if metric is None or metric.kind != kind:
        raise ValueError(f"hidden_gems.core.metrics has no {kind} named {name!r}; write it down there")
    return metric
