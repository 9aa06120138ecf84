"""Names of what every server counts; all of them are on its `/metrics`."""

from prometheus_client import Counter, Gauge, Histogram

MILLISECONDS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1, 0.2, 0.5, 1.0)

ERRORS = Counter("gems_errors_total", "Requests answered with an error", ["protocol", "code"])
PART_SECONDS = Histogram("gems_part_seconds", "Time a part took to answer", ["part"], buckets=MILLISECONDS)
PART_FAILURES = Counter("gems_part_failures_total", "Calls a part did not answer", ["part", "reason"])
BREAKER_OPEN = Gauge("gems_breaker_open", "1 while calls to a part are skipped", ["part"])
RELEASE = Gauge("gems_release_info", "1 for the release that answers, 0 for those before", ["version"])
RELEASE_REFUSED = Counter("gems_release_refused_total", "Pointed releases that were not loaded")
STATE_VERSION = Gauge("gems_state_version", "Version of the online state that answers")
READY = Gauge("gems_ready", "1 once a process without a door of its own does its work")
