"""Metrics of others that our boards and rules read; what each means is theirs to say."""

from collections.abc import Mapping
from types import MappingProxyType

from hidden_gems.core.metrics import Metric

_TABLE = (
    # Prometheus, of every target it asks
    Metric("up", "gauge", "1 while a target answers"),
    # Triton: docs/user_guide/metrics.md of triton-inference-server/server
    Metric("nv_inference_request_success", "counter", "Requests that were answered", ("model", "version")),
    Metric("nv_inference_request_failure", "counter", "Requests that failed", ("model", "version", "reason")),
    Metric("nv_inference_queue_duration_us", "counter", "Microseconds that requests waited", ("model", "version")),
    Metric("nv_inference_compute_infer_duration_us", "counter", "Microseconds of computing", ("model", "version")),
    # kube-state-metrics: docs/metrics of kubernetes/kube-state-metrics
    Metric("kube_cronjob_status_last_successful_time", "gauge", "Epoch seconds of the last success", ("cronjob",)),
)
FOREIGN: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _TABLE})
"""All of them by name."""
