import pytest

from hidden_gems.core.errors import BadFieldError
from inference.shell.deadline import DEFAULT_SECONDS, Deadline, seconds_of


def test_what_is_left_shrinks_to_nothing_and_no_further() -> None:
    now = [10.0]
    deadline = Deadline.after(0.5, monotonic=lambda: now[0])
    assert (deadline.at, deadline.left(), deadline.over) == (10.5, 0.5, False)
    now[0] = 10.25
    assert (deadline.left(), deadline.left(at_most=0.125), deadline.left(at_most=1.0)) == (0.25, 0.125, 0.25)
    now[0] = 10.5
    assert (deadline.left(), deadline.over) == (0.0, True)
    now[0] = 99.0
    assert (deadline.left(), deadline.left(at_most=0.04), deadline.over) == (0.0, 0.0, True)


def test_a_deadline_runs_on_the_monotonic_clock() -> None:
    assert 0.0 < Deadline.after(60.0).left() <= 60.0


@pytest.mark.parametrize(("header", "seconds"), [
    (None, DEFAULT_SECONDS), ("10", 0.01), ("9", 0.01), ("11", 0.011), ("-1", 0.01), ("1000", 1.0), ("1001", 1.0),
    ("3600000", 1.0), ("12.5", 0.0125), ("inf", 1.0),
])  # fmt: skip
def test_a_callers_deadline_is_kept_within_bounds(header: str | None, seconds: float) -> None:
    assert seconds_of(header) == seconds


def test_the_default_may_be_another() -> None:
    assert seconds_of(None, 0.3) == 0.3
    assert DEFAULT_SECONDS == 0.1


@pytest.mark.parametrize("header", ["abc", "", "nan", "1s"])
def test_a_deadline_that_is_no_number_is_refused(header: str) -> None:
    with pytest.raises(BadFieldError, match="x-gems-deadline-ms: expected milliseconds, got") as caught:
        seconds_of(header)
    assert caught.value.field == "x-gems-deadline-ms"
