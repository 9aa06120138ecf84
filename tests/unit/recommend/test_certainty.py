import numpy as np
import pytest
from scipy.special import expit

from hidden_gems.recommend.certainty import Certainty, confidence
from hidden_gems.recommend.slate import Utilities


def test_confidence_is_the_chance_to_be_preferred_to_a_candidate_picked_at_random() -> None:
    sure = Utilities(np.array([1.0, 0.0, 1.0]), np.zeros(3), 1.0)
    steep = Certainty(slope=2.0)
    ahead = float(expit(2.0))
    assert confidence(sure, [0, 1], steep) == pytest.approx([(ahead + 0.5) / 2, 1 - ahead], abs=1e-4)
    assert confidence(sure, [0], Certainty(slope=0.0)) == (0.5,)
    assert confidence(Utilities(np.zeros(1), np.ones(1), 0.0), [0], steep) == (0.5,)


def test_what_is_less_certain_is_nearer_to_a_half() -> None:
    apart = np.ones(3)
    chance = Certainty(slope=2.0).chance(apart, np.array([0.0, 1.0, 100.0]))
    assert chance[0] == pytest.approx(float(expit(2.0)))
    assert 0.5 < chance[2] < chance[1] < chance[0]
    assert Certainty(slope=2.0).chance(-apart, np.array([0.0, 1.0, 100.0])) == pytest.approx(1.0 - chance)


def test_the_slope_is_found_again_in_pairs_drawn_from_it() -> None:
    random = np.random.default_rng(0)
    apart, width = random.normal(0.0, 1.5, 40_000), np.full(40_000, 0.2)
    first = random.random(len(apart)) < Certainty(slope=0.7).chance(apart, width)
    came_to = np.where(first, apart, -apart)  # of what was preferred, minus the other
    found = Certainty.fit(came_to, width, np.ones(len(apart)), people=400)
    assert found.slope == pytest.approx(0.7, abs=0.03)
    assert found.people == 400


def test_a_release_keeps_it_and_one_without_it_has_the_default(tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert Certainty.load(tmp_path) == Certainty(1.0, 0)
    Certainty(0.25, 60).save(tmp_path)
    assert Certainty.load(tmp_path) == Certainty(0.25, 60)
    assert Certainty.fit(np.zeros(0), np.zeros(0), np.zeros(0), 0) == Certainty()
