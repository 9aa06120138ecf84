import numpy as np

from hidden_gems.drift.kinds import KINDS
from hidden_gems.drift.taste import TasteDrift

ALL = list(range(1, KINDS))


def finds(drift: TasteDrift, kinds: list[int], seed: int = 0) -> list[int]:
    """Outcomes, from 0, at which a change is found, when a person likes these in turn among all they see."""
    random, memory, found = np.random.default_rng(seed), drift.start(), []
    for at, kind in enumerate(kinds):
        memory = drift.shown(memory, random.permutation(ALL).tolist()[:10])
        memory, score = drift.learn_one(memory, kind, 0.7)
        if score >= drift.threshold:
            found.append(at)
    return found


def taste(random: np.random.Generator, favourite: int, second: int, count: int) -> list[int]:
    """Six in ten likes go to one type, one in ten to another, the rest anywhere."""
    shares = np.full(KINDS, 0.3 / (KINDS - 3))
    shares[[0, favourite, second]] = 0.0, 0.6, 0.1
    return random.choice(KINDS, size=count, p=shares).tolist()  # type: ignore[no-any-return]


def test_a_swap_of_favourites_is_found_soon_and_once() -> None:
    drift, late = TasteDrift(), 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        found = finds(drift, taste(random, 3, 8, 80) + taste(random, 8, 3, 60), seed)
        late += not found or not 80 <= found[0] < 140
        assert len(found) <= 1
    assert late <= 5


def test_a_steady_taste_is_no_change() -> None:
    drift = TasteDrift()
    fired = [finds(drift, taste(np.random.default_rng(seed), 3, 8, 300), seed) for seed in range(20)]
    assert sum(map(len, fired)) <= 1


def test_seeing_other_gems_is_no_change_of_taste() -> None:
    drift, memory, scores = TasteDrift(), TasteDrift().start(), []
    for seen in (1, 2):
        for _ in range(60):
            memory = drift.shown(memory, [seen] * 10)
            memory, score = drift.learn_one(memory, seen, 0.7)
            scores.append(score)
    assert max(scores) < drift.threshold
