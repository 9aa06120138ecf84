"""What counts of many slates ask of the next one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hidden_gems.online.exposure import Exposure
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.state import OnlineState
from hidden_gems.online.thompson import BetaThompson
from hidden_gems.recommend.answering import Found, choose, find, utilities_of, vectors
from hidden_gems.recommend.business import BusinessFile, shipped
from hidden_gems.recommend.limits import LEAST_SLATES, Limits, ceilings, neediest, shares
from hidden_gems.recommend.live import LiveItems
from hidden_gems.recommend.slate import Beliefs, Filled
from hidden_gems.recommend.world import World
from tests.worlds import COUNT, person, request, world

ITEMS = world().items
LIMIT, SLATES = 3, 250


def hiding(factor: float | None) -> LiveItems:
    tables = ITEMS.tables
    columns = dict(tables.columns) | {"hidden_factor": [factor] * COUNT}
    return LiveItems.of(replace(tables, columns=columns), {})


def shown(*slates: tuple[str, ...]) -> Exposure:
    found = Exposure()
    found.learn_many(slates)
    return found


@pytest.mark.parametrize(("factor", "share"), [(1.0, 0.3), (10.0, 0.06), (5.5, 0.18), (None, 0.3)])
def test_the_ceiling_falls_with_the_hidden_factor(factor: float | None, share: float) -> None:
    few = shown(*[("g1",)] * 10)  # one place a slate among 30 gems: an even share is 1/30
    expected = max(share, 2.0 / COUNT)
    np.testing.assert_allclose(ceilings(few, hiding(factor), shipped())[1:], expected, rtol=1e-6)


def test_no_ceiling_is_below_twice_an_even_share() -> None:
    many = shown(*[tuple(f"g{n}" for n in range(1, 11))] * 10)
    np.testing.assert_allclose(ceilings(many, hiding(10.0), shipped())[1:], 2 * 10 / COUNT, rtol=1e-6)


def test_a_neighborhoods_share_is_one_where_it_has_its_part() -> None:
    even = shares(np.append(0.0, np.ones(COUNT)), ITEMS)
    np.testing.assert_allclose(even[ITEMS.neighborhood_codes > 0], 1.0)
    [balat] = {
        code for code, word in zip(ITEMS.neighborhood_codes, ITEMS.neighborhoods, strict=True) if word == "Balat"
    }
    only = shares(np.where(ITEMS.neighborhood_codes == balat, 1.0, 0.0), ITEMS)
    assert (only[ITEMS.neighborhood_codes == balat] > 1.9).all()


def test_without_counts_nothing_is_asked() -> None:
    for found in (Limits.none(ITEMS), Limits.of(Exposure(), ITEMS, shipped()), world().limits):
        assert not found.full.any()
        assert not found.need.any()


def test_a_gem_that_everybody_saw_is_full_and_a_neighborhood_nobody_saw_is_in_need() -> None:
    found = Limits.of(shown(*[("g2", "g4")] * 100), ITEMS, shipped())
    assert {ITEMS.index.ids[row] for row in np.flatnonzero(found.full)} == {"g2", "g4"}
    needy = {ITEMS.neighborhoods[row] for row in np.flatnonzero(found.need)}
    assert needy == {"Moda"}  # g1, g3, …; g30 has no neighborhood and is in nobody's
    assert set(found.need) == {0.0, 1.0}
    assert not Limits.of(shown(*[("g2", "g4")] * 100), ITEMS, shipped().model_copy(update={"floor": 0.0})).need.any()


def test_counts_of_a_few_slates_say_little() -> None:
    few = Limits.of(shown(*[("g2",)] * int(0.2 * LEAST_SLATES)), ITEMS, shipped())
    assert not few.full.any()
    assert not few.need.any()


def test_the_neediest_are_those_at_least_half_as_far_below() -> None:
    need, able = np.array([0.0, 1.0, 0.8, 0.5, 0.3]), np.array([True, False, True, True, True])
    assert neediest(need, able).tolist() == [False, False, True, True, False]
    assert neediest(np.zeros(5), able).tolist() == [False] * 5


def answer(seen: World, seed: int, liking: np.ndarray) -> tuple[Found, Filled]:
    asked, someone = request(limit=LIMIT), person()
    found = find(seen, someone, asked)
    count = len(found.rows)
    beliefs = Beliefs(liking[found.rows], np.full(count, 0.1), np.full(count, 0.02))
    features = vectors(seen, someone, asked, found, None)
    drawn_from = utilities_of(seen, someone, asked, found, beliefs)
    return found, choose(seen, asked, found, drawn_from, features, np.random.default_rng(seed))


def test_floors_and_ceilings_hold_over_many_slates_that_are_counted_late() -> None:
    state = OnlineState(1, BetaThompson(), OnlineFactors())
    names = ("Vefa", "Moda", "Fener", "Galata", "Balat")
    columns = dict(ITEMS.tables.columns) | {"neighborhood": [names[n % 5] for n in range(1, COUNT + 1)]}
    items = LiveItems.of(replace(ITEMS.tables, columns=columns), {})
    vefa = items.neighborhoods == "Vefa"
    liking = np.where(vefa, -9.0, np.arange(COUNT + 1) / COUNT)  # everybody likes the same few gems, none of Vefa's
    business = shipped().model_copy(update={"rare_share": 0.0, "floor": 0.3, "ceiling_open": 0.4})
    for asked in (business, business.model_copy(update={"floor": 0.0, "ceiling_open": 1.0})):
        state.exposure, total, waiting, sources = Exposure(), np.zeros(COUNT + 1), [], set()
        seen = replace(world(), items=items, online=state, business=asked)
        for seed in range(SLATES):
            found, filled = answer(seen, seed, liking)
            total[found.rows[list(filled.places)]] += 1
            sources |= {tag for place in filled.places for tag in found.sources[place]}
            waiting.append(tuple(found.item_ids[place] for place in filled.places))
            if len(waiting) == 5:
                state.exposure.learn_many(waiting)
                seen, waiting = replace(seen, online=state), []
        held = total.max() / SLATES <= 0.4, shares(total, items)[vefa].min() >= 0.3, "floor" in sources
        assert held == ((True, True, True) if asked is business else (False, False, False))


def test_a_weight_changes_who_is_shown_at_once() -> None:
    liking = np.arange(COUNT + 1) / COUNT
    new = np.array([0.0, *([1.0, 0.0] * (COUNT // 2))])  # every second gem is older
    columns = dict(ITEMS.tables.columns)
    columns["created_at"] = [at if flag else 0.0 for at, flag in zip(columns["created_at"], new[1:], strict=True)]
    seen = replace(world(), items=LiveItems.of(replace(ITEMS.tables, columns=columns), {}))
    share = {}
    for weight in (-2.0, 0.0, 2.0):
        changed = replace(seen, business=shipped().model_copy(update={"weight_new": weight}))
        rows = [
            found.rows[list(filled.places)] for found, filled in (answer(changed, seed, liking) for seed in range(60))
        ]
        share[weight] = float(new[np.concatenate(rows)].mean())
    assert share[-2.0] < share[0.0] - 0.1 < share[0.0] + 0.1 < share[2.0]


def test_a_line_of_the_business_file_changes_how_many_types_a_slate_has(tmp_path: Path) -> None:
    items = world().items
    liking = np.where(items.types == "cafe", 1.0, 0.0) + np.arange(COUNT + 1) / 100
    file, types, told = BusinessFile(tmp_path / "business.toml"), [], []
    for weight in (0.0, 2.0, 10.0):
        file.path.write_text(f"diversity = {weight}\nrare_share = 0.0\n")
        seen = replace(world(), business=file.look())
        answers = [answer(seen, seed, liking) for seed in range(40)]
        slates = [items.types[found.rows[list(filled.places)]] for found, filled in answers]
        types.append(float(np.mean([len(set(slate)) for slate in slates])))
        told.append(
            sum("new_type" in name for _, filled in answers for at in range(LIMIT) for name in filled.constraints(at))
        )
    assert types[0] < types[1] - 0.1 < types[1] + 0.1 < types[2]
    assert told[0] == 0 < told[1] < told[2]
