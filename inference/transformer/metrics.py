"""What the transformer counts; all of it is on its `/metrics`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram

STAGE_SECONDS = Histogram(
    "gems_stage_seconds",
    "Time of one stage of an answer",
    ["stage"],
    buckets=(0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.5),
)
ANSWERS = Counter("gems_answers_total", "Slates by policy", ["policy"])
DEGRADED = Counter("gems_degraded_total", "Slates for which a part was answered by a fallback", ["part"])
EXPLANATIONS = Counter("gems_explanations_total", "Explanations by detail", ["detail"])


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Measure a stage."""
    began = time.perf_counter()
    try:
        yield
    finally:
        STAGE_SECONDS.labels(name).observe(time.perf_counter() - began)
