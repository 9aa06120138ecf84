"""What the transformer counts; all of it is on its `/metrics`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from inference.shell.exported import counter, gauge, histogram

STAGE_SECONDS = histogram(
    "gems_stage_seconds", (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.5)
)
ANSWERS = counter("gems_answers_total")
DEGRADED = counter("gems_degraded_total")
EXPLANATIONS = counter("gems_explanations_total")
NARRATIVES = counter("gems_narratives_total")
PLACES = counter("gems_drawn_places_total")
EXPLORED = counter("gems_explored_places_total")
CONSTRAINTS = counter("gems_constraints_total")
BUSINESS_REFUSED = gauge("gems_business_file_refused")


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Measure a stage."""
    began = time.perf_counter()
    try:
        yield
    finally:
        STAGE_SECONDS.labels(name).observe(time.perf_counter() - began)
