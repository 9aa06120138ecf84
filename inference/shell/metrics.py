"""What every server counts; all of it is on its `/metrics`."""

from inference.shell.exported import counter, gauge, histogram

MILLISECONDS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1, 0.2, 0.5, 1.0)

ERRORS = counter("gems_errors_total")
PART_SECONDS = histogram("gems_part_seconds", MILLISECONDS)
PART_FAILURES = counter("gems_part_failures_total")
BREAKER_OPEN = gauge("gems_breaker_open")
RELEASE = gauge("gems_release_info")
RELEASE_REFUSED = counter("gems_release_refused_total")
STATE_VERSION = gauge("gems_state_version")
READY = gauge("gems_ready")
