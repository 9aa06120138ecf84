"""What the collector counts, in a registry of its own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Counters of one collector."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter(
            "gems_collector_events",
            "Events by outcome; unsigned ones are accepted too.",
            ["outcome"],
            registry=self.registry,
        )
        self.rejections = Counter(
            "gems_collector_rejections", "Rejected events by reason.", ["reason"], registry=self.registry
        )
        self.skipped = Counter(
            "gems_collector_store_skipped",
            "Lists whose events were taken although the key-value store did not answer, by what was left out.",
            ["what"],
            registry=self.registry,
        )
        self.refused = Counter("gems_collector_refused", "Calls answered 503.", ["why"], registry=self.registry)
        self.waiting = Gauge(
            "gems_collector_waiting_events", "Events in hand: let in, and not written yet.", registry=self.registry
        )
        self.requests = Histogram(
            "gems_collector_request_seconds",
            "Time until POST /v1/events was answered, by status.",
            ["status"],
            buckets=(
                0.001,
                0.002,
                0.005,
                0.01,
                0.015,
                0.02,
                0.025,
                0.03,
                0.035,
                0.04,
                0.045,
                0.05,
                0.075,
                0.1,
                0.25,
                1,
            ),
            registry=self.registry,
        )
        self.sending = Histogram(
            "gems_collector_send_seconds",
            "Time until the broker acknowledged.",
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=self.registry,
        )
