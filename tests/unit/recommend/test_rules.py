"""Rules of a slate: what holds, what gives way, and what is told of it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hidden_gems.recommend.business import shipped
from hidden_gems.recommend.exploration import draw, effective_spread, largest_probability
from hidden_gems.recommend.rules import Constraint, Rules, explained
from hidden_gems.recommend.slate import Utilities, fill

Words = Sequence[str | None]


def codes(words: Words) -> np.ndarray:
    known = {word: code for code, word in enumerate(dict.fromkeys(word for word in words if word), start=1)}
    return np.array([known.get(word or "", 0) for word in words], dtype=np.int64)


def rules(
    types: Words,
    neighborhoods: Words | None = None,
    limit: int = 5,
    rare: Sequence[int] = (),
    full: Sequence[int] = (),
    need: dict[int, float] | None = None,
    **business: Any,
) -> Rules:
    """Rules for candidates c0, c1, …; by default nothing is asked but that types and neighborhoods vary."""
    count = len(types)
    places = neighborhoods or [None] * count
    asked = shipped().model_copy(update={"rare_share": 0.0, "explored_share": 1.0, **business})
    flags = [np.isin(np.arange(count), list(each)) for each in (rare, full)]
    needs = np.array([(need or {}).get(place, 0.0) for place in range(count)])
    ids = tuple(f"c{place}" for place in range(count))
    return Rules(limit, codes(types), codes(places), flags[0], flags[1], needs, asked, (types, places, ids))


def best_first(rule: Rules, count: int) -> tuple[int, ...]:
    """What is shown where the first candidate has the largest utility, the second the next, and nothing is explored."""
    return draw(-np.arange(float(count)), np.zeros(count), rule.limit, np.random.default_rng(0), rule.allowed).places


@pytest.mark.parametrize(("limit", "cap"), [(1, 1), (2, 1), (3, 2), (5, 2), (6, 3), (10, 4), (50, 20)])
def test_a_word_may_take_four_tenths_of_a_slate_rounded_up(limit: int, cap: int) -> None:
    assert rules(["cafe"], limit=limit).cap == cap


def test_a_full_type_is_not_allowed_while_others_are_left() -> None:
    rule = rules(["cafe", "cafe", "cafe", "bar", None])
    assert rule.allowed((0,)).tolist() == [False, True, True, True, True]
    assert rule.allowed((0, 1)).tolist() == [False, False, False, True, True]
    assert rule.allowed((0, 1, 3, 4)).tolist() == [False, False, True, False, False]  # nothing else is left


def test_gems_of_unknown_type_are_never_full() -> None:
    assert rules([None] * 5).allowed((0, 1, 2)).tolist() == [False, False, False, True, True]


def test_where_both_rules_cannot_hold_the_neighborhood_gives_way_first() -> None:
    rule = rules(["cafe", "cafe", "cafe", "bar"], ["Balat", "Balat", "Moda", "Balat"])
    assert rule.allowed((0, 1)).tolist() == [False, False, False, True]  # Balat is full, but the other is a cafe


def test_a_rule_that_kept_the_best_out_is_told() -> None:
    rule = rules(["cafe", "cafe", "cafe", "bar"])
    utility = np.array([4.0, 3.0, 2.0, 1.0])
    assert rule.fired(utility, (0, 1, 3)) == {2: [Constraint("new_type", "cafe", "bar")]}
    assert rule.fired(utility, (3, 0, 1)) == {}
    quarter = rules(["cafe", "bar", "museum", "garden"], ["Balat", "Balat", "Balat", "Moda"])
    assert quarter.fired(utility, (0, 1, 3)) == {2: [Constraint("new_neighborhood", "Balat", "Moda")]}


@pytest.mark.parametrize(("limit", "target"), [(1, 0), (2, 1), (3, 2), (5, 2), (10, 4), (50, 20)])
def test_positions_of_rare_gems_are_a_share_rounded_up(limit: int, target: int) -> None:
    assert rules(["cafe"], limit=limit, rare_share=0.4).target == target


@pytest.mark.parametrize(
    ("share", "limit", "most"), [(0.5, 1, 1), (0.5, 5, 3), (0.5, 10, 5), (0.0, 10, 0), (1.0, 7, 7)]
)
def test_positions_that_may_be_explored_are_a_share_rounded_up(share: float, limit: int, most: int) -> None:
    rule = rules([None] * 40, limit=limit, explored_share=share)
    assert rule.most_explored == most
    found = [
        fill(Utilities(np.zeros(40) - np.arange(40) / 1e3, np.ones(40), 0.0), rule, np.random.default_rng(seed))
        for seed in range(9)
    ]
    assert max(sum(each.explored) for each in found) == most


def test_the_last_positions_are_kept_for_rare_gems_that_did_not_come_by_themselves() -> None:
    rule = rules([None] * 20, limit=10, rare=[2, 15, 16, 17, 18], rare_share=0.4)
    assert best_first(rule, 20) == (0, 1, 2, 3, 4, 5, 6, 15, 16, 17)
    told = rule.fired(-np.arange(20.0), best_first(rule, 20))
    assert told == {at: [Constraint("rare_share", "popular", "rare")] for at in (7, 8, 9)}
    assert best_first(rules([None] * 20, limit=10, rare=[19], rare_share=0.4), 20)[-1] == 19  # all there are


def test_a_neighborhood_below_its_floor_gets_a_position() -> None:
    neighborhoods = ["Moda"] * 3 + [None] * 15 + ["Balat"] * 2
    rule = rules([None] * 20, neighborhoods, limit=10, need={18: 0.8, 19: 0.8}, floor=0.08)
    assert best_first(rule, 20) == (*range(9), 18)
    told = rule.fired(-np.arange(20.0), best_first(rule, 20))
    assert [each.name for each in told[9]] == ["floor:Balat"]
    assert best_first(rules([None] * 20, neighborhoods, limit=10, need={18: 0.8}, floor=0.0), 20) == (*range(10),)


def test_one_gem_pays_for_the_rare_share_and_for_a_floor() -> None:
    rule = rules([None] * 20, [None] * 19 + ["Balat"], limit=10, rare=[19], need={19: 1.0}, floor=0.08, rare_share=0.1)
    assert best_first(rule, 20) == (*range(8), 19, 8)
    told = rule.fired(-np.arange(20.0), best_first(rule, 20))
    assert [each.name for each in told[8]] == ["rare_share", "floor:Balat"]


def test_the_neediest_come_first() -> None:
    rule = rules([None] * 12, limit=10, need={10: 0.2, 11: 0.9}, floor=0.08)
    assert best_first(rule, 12)[-1] == 11
    closed = rules([None] * 12, limit=10, need={10: 0.2, 11: 0.9}, full=[11], floor=0.08)
    assert best_first(closed, 12)[-1] == 10  # who cannot be shown does not stand before others


def test_a_gem_at_its_ceiling_is_shown_only_where_nothing_else_is_left() -> None:
    rule = rules(["cafe", "bar", "museum", "garden"], limit=3, full=[0, 1])
    assert best_first(rule, 4) == (2, 3, 0)
    told = {at: [each.name for each in why] for at, why in rule.fired(-np.arange(4.0), (2, 3, 0)).items()}
    assert told == {0: ["ceiling:c0"], 1: ["ceiling:c0"], 2: ["gave_way:ceiling"]}


def test_business_weights_are_told_where_they_changed_who_leads() -> None:
    rule = rules(["cafe", "bar", "museum"], limit=2)
    added = np.array([0.0, 0.0, 2.0])
    assert rule.fired(np.array([2.0, 1.0, 2.5]), (2, 0), added) == {0: [Constraint("business", "c0", "c2")]}


def test_explanations_name_what_brought_the_gem() -> None:
    fired = {
        1: [Constraint("ceiling", "a", "b"), Constraint("floor", "Moda", "Balat")],
        2: [Constraint("ceiling", "a", "b")],
    }
    assert explained(fired) == {1: Constraint("floor", "Moda", "Balat")}


def test_a_slate_keeps_to_its_rules_and_says_how_likely_it_was() -> None:
    types: list[str | None] = ["cafe"] * 30 + ["bar"] * 10
    utility = np.concatenate([np.full(30, 5.0), np.zeros(10)])
    found = fill(Utilities(utility, np.full(40, 0.5), 0.0), rules(types, limit=10), np.random.default_rng(0))
    kinds = [types[place] for place in found.places]
    assert kinds[:4] == ["cafe"] * 4
    assert kinds[4:8] == ["bar"] * 4
    assert len(found.places) == len(set(found.places)) == 10
    assert found.fired[4] == [Constraint("new_type", "cafe", "bar")]
    assert found.constraints(4) == ("new_type:cafe",)
    assert found.constraints(0) == ()
    assert [each.name for each in found.fired[8]] == [f"gave_way:{rule}" for rule in ("new_type",)]
    assert found.propensities[0] == pytest.approx(1 / 30, abs=1e-3)
    assert found.propensities[4] == pytest.approx(1 / 10, abs=1e-3)


def test_propensities_of_positions_under_rules_are_the_shares_of_many_draws() -> None:
    rule = rules(
        ["cafe", "cafe", "bar", "bar", None, None], ["Moda"] * 3 + ["Balat"] * 3, limit=3, rare=[3, 4], full=[0],
        need={5: 1.0}, floor=0.3, rare_share=0.3,
    )  # fmt: skip
    utility, spread = np.array([2.0, 1.5, 1.0, 0.5, 0.2, 0.0]), np.full(6, 0.7)
    shown: dict[tuple[int, ...], int] = {}
    random, rounds = np.random.default_rng(0), 1_500
    for _ in range(rounds):
        found = draw(utility, spread, 3, random, rule.allowed)
        for position in range(3):
            shown[found.places[: position + 1]] = shown.get(found.places[: position + 1], 0) + 1
    for prefix, count in shown.items():
        before = shown.get(prefix[:-1], rounds)
        able = np.flatnonzero(rule.allowed(prefix[:-1]))
        told = largest_probability(
            utility[able], effective_spread(spread)[able], int(np.flatnonzero(able == prefix[-1])[0])
        )
        assert abs(count / before - told) < 5.0 * math.sqrt(0.25 / before)


@st.composite
def slates(made: st.DrawFn) -> tuple[Rules, np.ndarray, int]:
    count, limit = made(st.integers(1, 30)), made(st.integers(1, 12))
    types = [made(st.sampled_from(["cafe", "bar", "museum", None])) for _ in range(count)]
    neighborhoods = [made(st.sampled_from(["Moda", "Balat", "Fener", None])) for _ in range(count)]
    subset = st.sets(st.integers(0, count - 1))
    rule = rules(
        types,
        neighborhoods,
        limit,
        made(subset),
        made(subset),
        {place: made(st.floats(0.0, 1.0)) for place in made(subset)},
        rare_share=made(st.sampled_from([0.0, 0.4, 1.0])),
        floor=made(st.sampled_from([0.0, 0.1, 0.4])),
    )
    return rule, np.array([made(st.floats(-2.0, 2.0)) for _ in range(count)]), made(st.integers(0, 99))


@settings(max_examples=60, deadline=None)
@given(slates())
def test_rules_hold_whenever_they_can(made: tuple[Rules, np.ndarray, int]) -> None:
    rule, utility, seed = made
    drawn = draw(utility, np.full(len(utility), 0.5), rule.limit, np.random.default_rng(seed), rule.allowed)
    places = list(drawn.places)
    assert len(places) == len(set(places)) == min(rule.limit, len(utility))
    able = int((~rule.full).sum())
    assert rule.full[places].sum() == max(0, len(places) - able)  # ceilings give way to nothing but an empty place
    assert rule.rare[places].sum() >= min(rule.target, int((rule.rare & ~rule.full).sum()))
    for position, place in enumerate(places):
        before = places[:position]
        left = np.setdiff1d(np.arange(len(utility)), before)
        ceiling, share, kind, quarter = rule.kept_out(before)
        assert not share[place] or ceiling[left].all()  # what is owed is paid as long as anything is below its ceiling
        if quarter[place]:
            assert not (~(ceiling | share | kind | quarter))[left].any()
        if kind[place] and not ceiling[place]:
            assert not (~(ceiling | share | kind))[left].any()
