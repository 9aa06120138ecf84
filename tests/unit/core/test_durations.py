import pytest

from hidden_gems.core.checkout import git_sha
from hidden_gems.core.clock import seconds_of
from hidden_gems.core.errors import BadInputError


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0), ("0.5s", 0.5)])
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "10", "10d", "-1m", "0s", "nans", "infh", "ten m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(BadInputError, match="is no duration; expected a number with s, m or h, as 10m"):
        seconds_of(text)


def test_the_commit_is_empty_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git_sha() == ""
