"""The promise of the feedback path: a click changes the person's next answer within five seconds, 99 of 100 times."""

import numpy as np

from tests.integration.clicks import click_seconds
from tests.stacks import RunningStack

TRIES = 100
LIMIT_SECONDS = 5.0


def test_a_hundred_clicks(stack: RunningStack) -> None:
    seconds = click_seconds(stack, TRIES)
    p50, p95, p99 = np.percentile(seconds, [50, 95, 99])
    print(f"{TRIES} clicks, seconds to a changed answer: p50 {p50:.2f}, p95 {p95:.2f}, p99 {p99:.2f}")
    assert p99 <= LIMIT_SECONDS
