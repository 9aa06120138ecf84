import numpy as np
import pytest
from numpy.typing import NDArray

from hidden_gems.drift.kinds import KINDS
from hidden_gems.drift.taste import TasteDrift

ALL = list(range(1, KINDS))


def lived(
    drift: TasteDrift, kinds: list[int], reward: float = 0.3, seed: int = 0
) -> tuple[NDArray[np.float64], list[int]]:
    """Memory and the outcomes, from 0, at which a change is found, of who likes these in turn among all they see."""
    random, memory, found = np.random.default_rng(seed), drift.start(), []
    for at, kind in enumerate(kinds):
        memory = drift.shown(memory, random.permutation(ALL).tolist()[:10])
        memory, score = drift.learn_one(memory, kind, reward)
        if score >= drift.threshold:
            found.append(at)
    return memory, found


def taste(random: np.random.Generator, favourite: int, second: int, count: int) -> list[int]:
    """Six in ten likes go to one type, one in ten to another, the rest anywhere."""
    shares = np.full(KINDS, 0.3 / (KINDS - 3))
    shares[[0, favourite, second]] = 0.0, 0.6, 0.1
    kinds: list[int] = random.choice(KINDS, size=count, p=shares).tolist()
    return kinds


def test_a_swap_of_favourites_is_found_soon_and_once() -> None:
    soon = 0
    for seed in range(10):
        random = np.random.default_rng(seed)
        _, found = lived(TasteDrift(), taste(random, 3, 8, 120) + taste(random, 8, 3, 60), seed=seed)
        soon += bool(found) and 120 <= found[0] < 180
        assert len(found) <= 1
    assert soon >= 8


def test_a_steady_taste_is_no_change() -> None:
    fired = [lived(TasteDrift(), taste(np.random.default_rng(seed), 3, 8, 200), seed=seed)[1] for seed in range(10)]
    assert sum(map(len, fired)) == 0


def test_seeing_other_gems_is_no_change_of_taste() -> None:
    drift, memory, scores = TasteDrift(), TasteDrift().start(), []
    for seen in (1, 2):
        for _ in range(60):
            memory = drift.shown(memory, [seen] * 10)
            memory, score = drift.learn_one(memory, seen, 0.7)
            scores.append(score)
    assert max(scores) < drift.threshold


def test_liking_everything_less_is_no_change_of_taste() -> None:
    drift, memory, scores = TasteDrift(), TasteDrift().start(), []
    random = np.random.default_rng(0)
    for at in range(160):
        for _ in range(1 if at < 80 else 3):
            memory = drift.shown(memory, random.permutation(ALL).tolist()[:10])
        memory, score = drift.learn_one(memory, at % 4 + 1, 0.3)
        scores.append(score)
    assert max(scores) < drift.threshold


def test_a_favourite_that_is_dismissed_is_found_sooner_than_one_that_is_left() -> None:
    def likes_until_found(dismissals: bool) -> int:
        drift, score, likes = TasteDrift(), 0.0, 0
        memory, _ = lived(drift, [1, 1, 2, 3] * 20)
        while score < drift.threshold:
            memory = drift.shown(memory, ALL[:10])
            if dismissals:
                memory, _ = drift.learn_one(memory, 1, -0.5)
            memory, score = drift.learn_one(memory, 2, 0.3)
            likes += 1
        return likes

    assert likes_until_found(True) < likes_until_found(False)


def test_after_a_find_the_memory_knows_only_what_came_after_it() -> None:
    drift = TasteDrift()
    memory, found = lived(drift, [1, 1, 1, 5] * 20)
    assert (found, drift.outcomes(memory), drift.favourites(memory, 1)) == ([], 80, (1,))
    score, outcomes = 0.0, 0
    while score < drift.threshold:
        before, outcomes = memory, outcomes + 1
        memory = drift.shown(memory, ALL[:10])
        memory, score = drift.learn_one(memory, 9, 0.7)
    assert drift.favourites(before, 1) == (1,)
    assert drift.favourites(memory, 1) == (9,)
    assert (outcomes < 60, drift.outcomes(memory)) == (True, 0)


def test_nothing_is_found_before_somebody_is_known_again() -> None:
    drift = TasteDrift(threshold=1e-9, settled=25)
    _, found = lived(drift, ([1, 9] * 20 + [2, 8] * 20) * 2)
    assert len(found) > 1
    assert min(np.diff([-1, *found])) >= 25


def test_a_memory_is_small_and_whoever_holds_it_may_keep_it() -> None:
    drift = TasteDrift()
    memory, _ = lived(drift, taste(np.random.default_rng(0), 3, 8, 30))
    kept = memory.copy()
    drift.shown(memory, [1, 2])
    drift.learn_one(memory, 1, 0.3)
    assert (memory == kept).all()
    assert memory.dtype == np.float64
    assert memory.shape == drift.start().shape
    assert memory.size <= 200


def test_bytes_of_a_memory_go_on_the_same() -> None:
    drift = TasteDrift()
    memory, _ = lived(drift, taste(np.random.default_rng(0), 3, 8, 30))
    again = np.frombuffer(memory.tobytes(), dtype=np.float64)
    one, other = drift.learn_one(memory, 4, 0.3), drift.learn_one(again, 4, 0.3)
    assert one[1] == other[1]
    assert (one[0] == other[0]).all()


@pytest.mark.parametrize(("kind", "reward"), [(-1, 0.3), (KINDS, 0.3), (1, float("nan")), (1, float("inf"))])
def test_what_is_no_outcome_is_refused(kind: int, reward: float) -> None:
    with pytest.raises(ValueError, match="finite reward"):
        TasteDrift().learn_one(TasteDrift().start(), kind, reward)
