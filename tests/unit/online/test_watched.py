from pathlib import Path

import pytest

from hidden_gems.online.watch import Comparison, Side
from hidden_gems.online.watched import BadWatchError, Good, Return, Watched

SIDE = Side(300, 40, 0.2, 0.01, 0.1, 0.3)


def good(at: float, version: int, difference: float = 0.2) -> Good:
    return Good(at, version, difference, 0.1)


def test_good_versions_are_noted_and_others_are_not() -> None:
    watched = Watched()
    watched.judged(Comparison(10.0, "good", {}, 0.2, 0.1), 5)
    watched.judged(Comparison(20.0, "unclear"), 6)
    watched.judged(Comparison(30.0, "below"), 7)
    assert watched.good == [Good(10.0, 5, 0.2, 0.1)]
    assert watched.comparison.verdict == "below"


def test_it_goes_back_to_before_online_fell_behind() -> None:
    watched = Watched(good=[good(10.0, 5), good(20.0, 8), good(30.0, 11)])
    assert watched.target(led=9, oldest=0) == 8
    assert watched.target(led=11, oldest=4) == 11
    assert watched.target(led=10, oldest=6) == 8
    assert watched.target(led=10, oldest=9) is None
    assert watched.target(led=4, oldest=0) == 0  # the priors of the release are as good as the release
    assert watched.target(led=4, oldest=3) is None


def test_what_was_sinking_already_is_not_gone_back_to() -> None:
    watched = Watched(good=[good(10.0, 5, 0.30), good(20.0, 8, 0.35), good(30.0, 11, 0.27), good(40.0, 14, 0.05)])
    assert watched.target(led=20, oldest=0) == 11
    assert watched.target(led=10, oldest=0) == 8


def test_a_second_return_goes_further() -> None:
    watched = Watched(good=[good(10.0, 5), good(20.0, 8), good(30.0, 11)])
    watched.returned(Return(40.0, below=14, back_to=8, version=15))
    assert watched.target(led=14, oldest=0) == 5
    watched.judged(Comparison(60.0, "good", {}, 0.2, 0.1), 20)
    assert watched.target(led=21, oldest=0) == 20


def test_it_comes_back_from_the_disk(tmp_path: Path) -> None:
    assert Watched.load(tmp_path) == Watched()
    watched = Watched(Comparison(9.0, "good", {"online": SIDE}, 0.1, 0.2), [good(9.0, 3)], [Return(8.0, 2, 1, 3)])
    watched.save(tmp_path)
    assert Watched.load(tmp_path) == watched
    (tmp_path / "watch.json").write_text('{"comparison": 1}')
    with pytest.raises(BadWatchError, match=r"watch\.json cannot be read"):
        Watched.load(tmp_path)
