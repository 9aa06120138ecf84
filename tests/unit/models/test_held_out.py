import numpy as np

from hidden_gems.datasets.interactions import Interactions
from hidden_gems.models.held_out import FEWEST_PAIRS, HeldOut, hold_out
from tests.logs import log_of, town


def _scores(log: Interactions, user: np.ndarray, best: dict[int, list[int]]) -> np.ndarray:
    scores = np.zeros((len(user), log.items), dtype=np.float32)
    scores[:, 0] = -np.inf
    for row, who in enumerate(user.tolist()):
        for place, item in enumerate(best.get(who, [])):
            scores[row, item] = 100 - place
    return scores


def _mean(held_out: HeldOut, scores: np.ndarray) -> float:
    return float(np.nanmean(held_out.ndcg(scores)))


def _log() -> Interactions:
    """Person p of 20 met items 1-3, and in the last quarter item 4 + p % 3 and again item 1."""
    early = [(person, item) for item in (1, 2, 3, 4 + 7) for person in range(1, 22)]
    shown = [(21, item) for item in (4, 5, 6, 1)]  # the last one is held out: 21 does not come back in the slice
    late = [(person, item) for person in range(1, 21) for item in (4 + person % 3, 1)]
    return log_of(early + shown + late, users=23, items=15)


def test_new_pairs_of_the_last_slice_judge() -> None:
    log = _log()
    early, held_out = hold_out(log, 40 / len(log.user), seed=0)
    assert len(early.user) == len(log.user) - 41
    assert held_out is not None
    assert held_out.user.tolist() == list(range(1, 22))
    assert held_out.new.toarray()[0].tolist() == [0] * 5 + [1] + [0] * 9  # not item 1, which person 1 had met
    assert (held_out.moments.timestamp == early.timestamp.max() + 1).all()


def test_ndcg_by_hand() -> None:
    _, held_out = hold_out(_log(), 40 / len(_log().user), seed=0)
    assert held_out is not None
    perfect = {person: [4 + person % 3] for person in range(1, 21)}
    third = {person: [7, 8, 4 + person % 3] for person in range(1, 21)}
    seen_first = {person: [1, 2, 3, 11, 4 + person % 3] for person in range(1, 21)}
    late = {person: [5 + other for other in range(2, 6)] for person in range(1, 21)} | {}
    assert _mean(held_out, _scores(_log(), held_out.user, perfect)) == 1.0
    np.testing.assert_allclose(_mean(held_out, _scores(_log(), held_out.user, third)), 0.5)  # 1 / log2(4)
    assert _mean(held_out, _scores(_log(), held_out.user, seen_first)) == 1.0  # what was seen is left out
    assert 0.0 < _mean(held_out, _scores(_log(), held_out.user, late)) < 1.0


def test_too_few_new_pairs_judge_nothing() -> None:
    log = _log()
    few = 2 * (FEWEST_PAIRS - 1)
    whole, held_out = hold_out(log, few / len(log.user), seed=0)
    assert held_out is None
    assert whole is log


def test_only_some_people_judge_where_there_are_many() -> None:
    log = town(events=2000)
    _, all_people = hold_out(log, 0.3, seed=0)
    _, some = hold_out(log, 0.3, seed=0, most=5)
    assert all_people is not None
    assert some is not None
    assert len(some.user) == 5
    assert some.new.shape == some.seen.shape == (5, log.items)
    assert set(some.user.tolist()) < set(all_people.user.tolist())
    _, other = hold_out(log, 0.3, seed=1, most=5)
    assert other is not None
    assert other.user.tolist() != some.user.tolist()
