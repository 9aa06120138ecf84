"""What the collector counts, in a registry of its own."""

from prometheus_client import CollectorRegistry

from inference.shell.exported import counter, gauge, histogram

_REQUEST_BUCKETS = (
    0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.045, 0.05, 0.075, 0.1, 0.25, 1.0,
)  # fmt: skip


class Metrics:
    """Counters of one collector."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = counter("gems_collector_events_total", self.registry)
        self.accepted = counter("gems_collector_accepted_total", self.registry)
        self.rejections = counter("gems_collector_rejections_total", self.registry)
        self.skipped = counter("gems_collector_store_skipped_total", self.registry)
        self.refused = counter("gems_collector_refused_total", self.registry)
        self.waiting = gauge("gems_collector_waiting_events", self.registry)
        self.requests = histogram("gems_collector_request_seconds", _REQUEST_BUCKETS, self.registry)
        self.sending = histogram(
            "gems_collector_send_seconds", (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5), self.registry
        )
