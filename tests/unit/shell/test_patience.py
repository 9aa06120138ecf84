import threading

import pytest

from hidden_gems.core.errors import PartUnavailableError
from inference.shell.patience import Patience, StoppedError


class Pauses(threading.Event):
    """Remembers how long it was waited for, and ends the waiting after some pauses."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self.most = most

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.pauses.append(timeout)
        return len(self.pauses) >= self.most


def test_pauses_double_up_to_the_longest_until_told_to_stop() -> None:
    def away() -> None:
        raise PartUnavailableError("features", "away")

    pauses = Pauses(7)
    with pytest.raises(StoppedError):
        Patience(stopping=pauses).persist(away)
    assert pauses.pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_the_first_success_is_given_back(caplog: pytest.LogCaptureFixture) -> None:
    assert Patience().persist(lambda: 7) == 7
    assert not caplog.records
    failures = iter([True, True, False])

    def sometimes() -> str:
        if next(failures):
            raise PartUnavailableError("features", "away")
        return "there"

    pauses = Pauses(9)
    assert Patience(stopping=pauses).persist(sometimes) == "there"
    assert pauses.pauses == [0.05, 0.1]
    assert [record.getMessage() for record in caplog.records] == [
        "features is unavailable: away; trying again until it answers",
        "it answers again",
    ]


def test_other_errors_are_not_waited_for() -> None:
    with pytest.raises(ZeroDivisionError):
        Patience(stopping=Pauses(1)).persist(lambda: 1 / 0)
