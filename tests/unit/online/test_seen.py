"""What an impression looked like: made from a slate, kept, read again."""

import math

import numpy as np
import pytest

from hidden_gems.events.records import Place, Slate
from hidden_gems.features.arm_context import CONTEXT_NAMES, MEMBER_NAMES, POSITION, arm_context, cohort, member_scores
from hidden_gems.features.schema import FEATURE_NAMES, FEATURE_SERVICE
from hidden_gems.online.cohorts import CohortWeights
from hidden_gems.online.seen import Seen


def vector(**values: float) -> tuple[float, ...]:
    return tuple(values.get(name, math.nan) for name in FEATURE_NAMES)


def slate(*vectors: tuple[float, ...], service: str = FEATURE_SERVICE) -> Slate:
    places = tuple(Place(f"g{at}", at, 0.1, 0.0, (), each) for at, each in enumerate(vectors))
    return Slate("s1", "p1", 1.0, "ranker", "r", service, 1, places)


TWO = (vector(setting=1.0, weather=0.8, ncf_score=2.0, activity_total=12.0), vector(authenticity=0.9, ncf_score=4.0))


def test_a_slate_says_context_position_members_and_cohort() -> None:
    seen = Seen.of(slate(*TWO))
    assert seen is not None
    assert seen.contexts.shape == (2, len(CONTEXT_NAMES))
    assert seen.contexts[:, 0].tolist() == [1.0, 1.0]
    assert seen.contexts[0, CONTEXT_NAMES.index("setting x weather")] == pytest.approx(0.8, abs=1e-3)
    assert seen.contexts[:, POSITION].tolist() == [0.0, 0.25]
    assert seen.above[:, MEMBER_NAMES.index("ncf_score")].tolist() == [-1.0, 1.0]
    assert seen.above[:, MEMBER_NAMES.index("sasrec_score")].tolist() == [0.0, 0.0]
    assert seen.cohort == 2


def test_what_was_kept_comes_back_to_the_bit_whole_and_place_by_place() -> None:
    seen = Seen.of(slate(*TWO))
    assert seen is not None
    back = Seen.from_text(seen.to_text())
    assert (back.contexts == seen.contexts).all()
    assert (back.above == seen.above).all()
    second = Seen.from_text(back.places([1]).to_text())
    assert (second.contexts == seen.contexts[[1]]).all()
    assert (second.cohort, second.to_text()) == (2, seen.places([1]).to_text())


def test_a_slate_of_other_features_says_nothing() -> None:
    assert Seen.of(slate(*TWO, service="ranker_v0")) is None
    assert Seen.of(slate((0.5, 0.2))) is None
    assert Seen.of(slate()) is None


@pytest.mark.parametrize("text", ["not base64!", "", "AAAA", "/w=="])
def test_what_is_nothing_of_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="what a slate looked like"):
        Seen.from_text(text)


def test_contexts_are_finite_whatever_is_missing() -> None:
    blank = np.full((3, len(FEATURE_NAMES)), np.nan, dtype=np.float32)
    assert np.isfinite(arm_context(blank)).all()
    assert (member_scores(blank) == 0.0).all()
    assert (cohort(blank), cohort(blank[:0])) == (0, 0)
    assert arm_context(blank[:0]).shape == (0, len(CONTEXT_NAMES))
    far = np.array([vector(travel_minutes=1e6, own_visits=1e4, freshness_days=0.0)])
    assert (np.abs(arm_context(far)) <= 4.0).all()


def test_members_that_say_the_same_of_all_have_no_say() -> None:
    same = np.array([vector(ncf_score=3.0, popularity=0.1), vector(ncf_score=3.0, popularity=0.5)])
    scores = member_scores(same)
    assert scores[:, MEMBER_NAMES.index("ncf_score")].tolist() == [0.0, 0.0]
    assert scores[:, MEMBER_NAMES.index("popularity")].tolist() == pytest.approx([-1.0, 1.0])


def test_weights_of_a_cohort_move_within_bounds_and_go_back() -> None:
    weights = CohortWeights(2, 2)
    weights.learn_many([1] * 500, np.tile([5.0, -5.0], (500, 1)), np.full(500, 1.0))
    assert weights.factors(1).tolist() == pytest.approx([2.0, 0.5])
    assert weights.factors(0).tolist() == [1.0, 1.0]
    weights.learn_many([1] * 3000, np.zeros((3000, 2)), np.zeros(3000))
    assert weights.factors(1) == pytest.approx(1.0, abs=0.01)
    before = weights.table()
    with pytest.raises(ValueError, match="finite"):
        weights.learn_many([0], np.array([[np.nan, 0.0]]), np.ones(1))
    assert (weights.table() == before).all()
    with pytest.raises(ValueError, match="cannot be"):
        CohortWeights(2, 2).restore(np.full((2, 2), 9.0))
    assert (CohortWeights(2, 2).restore(before).table() == before).all()
