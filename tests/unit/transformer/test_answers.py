"""Answers while parts are away: nobody listens at their addresses here, which is as real as it gets."""

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hidden_gems.cli.processes import free_port
from hidden_gems.core import names
from hidden_gems.core.assignment import Assignment
from hidden_gems.core.errors import NotFoundError, PartUnavailableError
from hidden_gems.core.kv import Fetched, MemoryKeyValue
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.state import OnlineState
from hidden_gems.online.thompson import BetaThompson
from hidden_gems.recommend.request import Filters, Request
from hidden_gems.recommend.world import World
from inference.shell.client import Predictor
from inference.shell.deadline import Deadline
from inference.transformer.answers import Answers, Served
from inference.transformer.parts import Models, People, _checked
from tests.worlds import NOW, change, request, world


class Away(MemoryKeyValue):
    """A store that does not answer, and counts how often it was asked."""

    asked = 0

    def fetch(self, *given: Any, **more: Any) -> Fetched:
        self.asked += 1
        raise PartUnavailableError("features", "gone")


def answers(keys: MemoryKeyValue | None = None, seed: int = 0, share: float = 0.0) -> Answers:
    nowhere = f"127.0.0.1:{free_port()}"
    models = Models(*(Predictor(nowhere, name) for name in ("deep", "ranker", "deep", "ranker")))
    return Answers(People(keys or MemoryKeyValue()), models, np.random.default_rng(seed), Assignment(share))


def answer(
    asked: Request,
    seen: World | None = None,
    keys: MemoryKeyValue | None = None,
    seed: int = 0,
    share: float = 0.0,
) -> Served:
    async def run() -> Served:
        made = answers(keys, seed, share)
        try:
            return await made.answer(seen or world(), asked, NOW + 1.0, Deadline.after(5.0))
        finally:
            await made.models.close()

    return asyncio.run(run())


def test_without_deep_and_ranker_other_orders_are_blended_and_drawn() -> None:
    found = answer(request(limit=5))
    assert found.lost == ("deep", "ranker")
    assert found.policy == "blend+thompson-deep-ranker"
    assert len(found.filled.places) == len(set(found.filled.places)) == 5
    assert all(0 < each <= 1 for each in found.filled.propensities)
    assert np.isnan(found.vectors[:, FEATURE_NAMES.index("ncf_score")]).all()
    assert (found.beliefs.score >= 0).all()
    assert (found.beliefs.score <= 1).all()
    assert found.beliefs.score.std() > 0
    assert found.issued == NOW + 1.0
    assert found.personal


def test_without_the_store_the_person_is_new_and_may_not_be_named() -> None:
    found = answer(request(limit=5), keys=Away())
    assert found.lost == ("features", "deep", "ranker")
    assert not found.personal
    assert len(found.filled.places) == 5


def test_a_store_that_does_not_answer_is_not_asked_for_ever() -> None:
    async def run() -> int:
        keys = Away()
        people = People(keys)
        for _ in range(20):
            with pytest.raises(PartUnavailableError):
                await people.person(world(), "somebody")
        return keys.asked

    assert asyncio.run(run()) == 5


def test_draws_follow_the_seed() -> None:
    places = [answer(request(limit=9), seed=seed).filled.places for seed in (1, 1, 2)]
    assert places[0] == places[1] != places[2]


def learned() -> tuple[World, MemoryKeyValue]:
    """A world that has an online state, and a store that has somebody's factors."""
    state, keys = OnlineState(7, BetaThompson(), OnlineFactors()), MemoryKeyValue()
    state.factors.add_items(["g1", "g2"])
    keys.put({names.factors("somebody"): OnlineFactors.packed(np.ones(17))})
    return world(online=state), keys


def test_who_is_static_sees_nothing_that_moved() -> None:
    seen, keys = learned()
    online = answer(request(limit=5), seen, keys)
    static = answer(request(limit=5), seen, keys, share=1.0)
    assert (online.variant, static.variant) == ("online", "static")
    assert (online.state_version, static.state_version) == (7, 0)
    assert online.found.online is not None
    assert static.found.online is None
    sources = [{tag for tags in each.found.sources for tag in tags} for each in (online, static)]
    assert sources[0] - sources[1] == {"online", "trending", "this_hour"}
    assert static.world.released
    assert not online.world.released
    assert static.world.rows is online.world.rows  # features are as fresh for both


def test_who_cannot_be_compared_is_in_no_variant_and_answered_as_everybody() -> None:
    seen, keys = learned()
    assert answer(request(limit=5), seen, Away(), share=1.0).variant == ""
    listed = answer(request(kind="trending", limit=4), seen, keys, share=1.0)
    assert (listed.variant, len(listed.filled.places)) == ("", 4)
    keys.put({names.consent("somebody"): b"off"})
    refused = answer(request(limit=5), seen, keys, share=1.0)
    assert refused.variant == ""
    assert refused.world is seen


def test_where_nothing_fits_there_is_an_empty_answer_and_no_part_is_asked() -> None:
    found = answer(request(filters=Filters(types=frozenset({"none"}))))
    assert (found.filled.places, found.lost) == ((), ())


def test_lists_are_in_their_order_with_propensity_one_and_need_no_ranker() -> None:
    trending = answer(request(kind="trending", limit=4))
    assert [trending.found.item_ids[place] for place in trending.filled.places] == ["g30", "g29", "g28", "g27"]
    assert trending.filled.propensities == (1.0,) * 4
    assert trending.lost == ("deep",)
    similar = answer(request(kind="similar", item_id="g3", limit=50, filters=Filters(types=frozenset({"cafe"}))))
    shown = [similar.found.item_ids[place] for place in similar.filled.places]
    assert shown
    assert "g3" not in shown
    assert (np.diff(similar.beliefs.score) <= 0).all()
    with pytest.raises(NotFoundError):
        answer(request(kind="similar", item_id="nowhere"))


def test_a_closed_gem_is_in_no_answer() -> None:
    seen = world()
    closed = replace(seen, items=type(seen.items).of(seen.items.tables, {"g30": change("g30")}))
    assert "g30" not in answer(request(kind="trending", limit=50), closed).found.item_ids
    assert "g30" not in answer(request(limit=50), closed).found.item_ids


@pytest.mark.parametrize(
    "values", [None, np.zeros(2, np.float32), np.zeros((3, 1), np.float32), np.array([1, np.nan, 2], np.float32)]
)
def test_nonsense_from_a_part_is_no_answer(values: np.ndarray | None) -> None:
    with pytest.raises(PartUnavailableError, match="finite numbers"):
        _checked("deep", values, (3,))
    assert _checked("deep", np.ones(3, np.float32), (3,)).tolist() == [1.0, 1.0, 1.0]
