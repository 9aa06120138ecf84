"""What ranks while the ranker is away."""

from dataclasses import replace

import numpy as np
import pytest

from hidden_gems.features.arm_context import MEMBER_NAMES
from hidden_gems.models.blend import Blend, Weights
from hidden_gems.models.conditional_logit import BUCKETS
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.state import OnlineState
from hidden_gems.online.thompson import BetaThompson
from hidden_gems.recommend.answering import find, vectors
from hidden_gems.recommend.deep import DeepAnswer
from hidden_gems.recommend.standing_in import stand_in
from tests.worlds import person, request, world


def weights(**shares: float) -> Blend:
    """A blend of standard scores alone, the same for everybody."""
    members = tuple(shares)
    shared = np.array([*shares.values(), *[0.0] * len(members)])
    found = Weights(members, shared, np.zeros((BUCKETS, 2 * len(members))), 0.0, {})
    return Blend(found, found)


def order(seen: object, deep: bool = True) -> list[str]:
    asked, who = request(limit=5), person()
    found = find(seen, who, asked)  # type: ignore[arg-type]
    scores = found.rows.astype(np.float32)[None] % 7
    answer = DeepAnswer(scores, np.zeros(1, dtype=np.float32), np.zeros(2, dtype=np.float32)) if deep else None
    beliefs = stand_in(seen, asked, found, answer, vectors(seen, who, asked, found, answer))  # type: ignore[arg-type]
    assert beliefs.score.min() == 0.0
    assert beliefs.score.max() == 1.0
    assert (beliefs.spread == 1.0).all()
    return [found.item_ids[place] for place in np.argsort(-beliefs.score, kind="stable")]


def test_the_weights_are_those_of_the_release() -> None:
    by_popularity = order(world(blend=weights(popular=1.0, ncf=0.0)))
    by_ncf = order(world(blend=weights(popular=0.0, ncf=1.0)))
    assert by_ncf != by_popularity
    assert [int(name[1:]) % 7 for name in by_ncf[:4]] == [6, 6, 6, 6]
    assert order(world(blend=weights(popular=1.0, ncf=-1.0))) != by_popularity


def test_a_member_that_did_not_answer_is_left_out() -> None:
    assert order(world(blend=weights(popular=1.0, ncf=100.0)), deep=False) == order(world(blend=weights(popular=1.0)))


def test_without_a_blend_all_members_count_alike() -> None:
    assert sorted(order(world())) == sorted(order(world(blend=weights(popular=1.0))))


def test_what_feedback_said_of_a_member_moves_its_weight_within_bounds() -> None:
    state = OnlineState(1, BetaThompson(), OnlineFactors())
    above = np.zeros(len(MEMBER_NAMES))
    above[MEMBER_NAMES.index("ncf_score")], above[MEMBER_NAMES.index("popularity")] = 3.0, -3.0
    for _ in range(1000):
        state.cohorts.learn_one(0, above, 1.0)
    led = order(world(blend=weights(popular=1.0, ncf=1.0), online=state))
    assert led == order(world(blend=weights(popular=0.5, ncf=2.0)))
    assert led != order(world(blend=weights(popular=1.0, ncf=1.0)))
    assert state.cohorts.factors(1).tolist() == [1.0] * len(MEMBER_NAMES)


def test_some_weights_alone_and_multiplied() -> None:
    found = weights(popular=1.0, ncf=2.0).new
    some = found.among(("ncf", "nobody"))
    assert some.members == ("ncf",)
    assert some.shared.tolist() == [2.0, 0.0]
    assert found.times({"popular": 3.0, "ncf": 0.5}).shared.tolist() == [3.0, 1.0, 0.0, 0.0]
    assert replace(found).own.shape == (BUCKETS, 4)
    with pytest.raises(KeyError):
        found.times({"ncf": 1.0})
