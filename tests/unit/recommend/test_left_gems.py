"""What a person was shown and left loses a little of its place."""

from dataclasses import replace

import numpy as np
import pytest

from hidden_gems.online.entries import Shown
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.state import OnlineState
from hidden_gems.online.thompson import BetaThompson
from hidden_gems.recommend.answering import find, utilities_of
from hidden_gems.recommend.slate import LEFT_SHARE, Beliefs
from tests.worlds import NOW, person, request, world


def test_each_look_costs_a_share_of_the_spread_of_utility() -> None:
    state, someone, asked = OnlineState(1, BetaThompson(), OnlineFactors()), person(), request(limit=5)
    found = find(world(online=state), someone, asked)
    name, other = found.item_ids[:2]
    slates = [Shown(f"s{at}", "somebody", (name,), (0,), at=float(NOW)) for at in range(3)]
    known = replace(someone, factors=state.learn(slates, [], {}).people["somebody"])
    beliefs = Beliefs(np.zeros(len(found.rows)), np.full(len(found.rows), 0.1), np.full(len(found.rows), 0.1))
    before, after = (utilities_of(world(online=state), who, asked, found, beliefs).mean for who in (someone, known))
    apart = dict(zip(found.item_ids, (after - before).tolist(), strict=True))
    assert apart[name] == pytest.approx(-3.0 * LEFT_SHARE, abs=1e-5)
    assert apart[other] == 0.0
    still, anyway = (utilities_of(world(), who, asked, found, beliefs).mean for who in (someone, known))
    assert (still == anyway).all()  # who stays with the release is not followed
