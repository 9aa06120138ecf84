"""Rules of a slate: what holds, what gives way, what likeness takes, and what is told of it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hidden_gems.recommend.business import shipped
from hidden_gems.recommend.exploration import Drawn, draw
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
    """Rules for candidates c0, c1, …; by default nothing is asked."""
    count = len(types)
    places = neighborhoods or [None] * count
    asked = shipped().model_copy(update={"rare_share": 0.0, "explored_share": 1.0, "diversity": 0.0, **business})
    flags = [np.isin(np.arange(count), list(each)) for each in (rare, full)]
    needs = np.array([(need or {}).get(place, 0.0) for place in range(count)])
    ids = tuple(f"c{place}" for place in range(count))
    return Rules(limit, codes(types), codes(places), flags[0], flags[1], needs, asked, (types, places, ids))


def certain(rule: Rules, utility: np.ndarray) -> Drawn:
    """What is shown where nothing is explored."""
    return draw(utility, np.zeros(len(utility)), rule.limit, np.random.default_rng(0), rule.allowed, rule.taken)


def best_first(rule: Rules, count: int) -> tuple[int, ...]:
    """The same where the first candidate has the largest utility, the second the next."""
    return certain(rule, -np.arange(float(count))).places


def told(rule: Rules, utility: np.ndarray) -> dict[int, list[str]]:
    """Names of what changed that slate, by position."""
    fired = rule.fired(utility, certain(rule, utility))
    return {position: [each.name for each in all_of] for position, all_of in fired.items()}


def test_likeness_to_the_nearest_one_above_takes_utility_half_for_the_type_half_for_the_neighborhood() -> None:
    types = ["cafe", "cafe", "cafe", "bar", "bar", None, None]
    rule = rules(types, ["Moda", "Moda", "Balat", "Moda", "Balat", None, None], diversity=0.3)
    assert rule.taken(()).tolist() == [0.0] * 7
    assert rule.taken((0,)).tolist() == pytest.approx([0.3, 0.3, 0.15, 0.15, 0.0, 0.0, 0.0])
    assert rule.taken((0, 4)).tolist() == pytest.approx([0.3, 0.3, 0.15, 0.15, 0.3, 0.0, 0.0])
    assert rule.taken((5,)).tolist() == [0.0] * 7  # two gems that nobody described are not alike


def test_another_type_comes_forward_as_far_as_the_weight_reaches() -> None:
    utility = np.array([1.0, 0.9, 0.8, 0.6, 0.0])
    shown = {
        weight: certain(rules(["cafe", "cafe", "cafe", "bar", "bar"], diversity=weight), utility).places
        for weight in (0.0, 0.5, 9.0)
    }
    assert shown == {0.0: (0, 1, 2, 3, 4), 0.5: (0, 1, 3, 2, 4), 9.0: (0, 3, 1, 2, 4)}


def test_what_likeness_changed_is_told_with_what_is_different() -> None:
    utility = np.array([1.0, 0.9, 0.8, 0.0])
    kinds = rules(["cafe", "cafe", "bar", "museum"], diversity=0.3)
    assert kinds.fired(utility, certain(kinds, utility)) == {1: [Constraint("new_type", "cafe", "bar")]}
    quarters = rules(["cafe", "bar", "museum", "garden"], ["Balat", "Balat", "Moda", None], diversity=0.3)
    fired = quarters.fired(utility, certain(quarters, utility))
    assert fired == {1: [Constraint("new_neighborhood", "Balat", "Moda")]}
    assert explained(fired) == {1: Constraint("new_neighborhood", "Balat", "Moda")}
    both = rules(["cafe", "cafe", "bar", None], ["Balat", "Balat", "Moda", None], diversity=0.3)
    assert told(both, utility) == {1: ["new_type:cafe", "new_neighborhood:Balat"]}
    assert told(rules(["cafe", "cafe", "bar", None], diversity=0.1), utility) == {}  # not enough for a change


def test_diversity_is_told_where_the_same_samples_would_have_shown_another_one_without_it() -> None:
    types = ["cafe"] * 6 + ["bar"] * 3 + ["museum"] * 3
    quarters = ["Moda", "Balat", "Fener"] * 4
    utility, spread, seen = np.linspace(1.0, 0.0, 12), np.full(12, 0.3), 0
    for seed in range(60):
        rule = rules(types, quarters, diversity=0.6)
        drawn = draw(utility, spread, 5, np.random.default_rng(seed), rule.allowed, rule.taken)
        fired = rule.fired(utility, drawn)
        assert set(fired) == {at for at in range(5) if drawn.without[at] != drawn.places[at]}
        for position, reasons in fired.items():
            above, place = drawn.places[:position], drawn.places[position]
            for each in reasons:
                words = types if each.reason == "new_type" else quarters
                assert each.kept_out == words[drawn.without[position]] != each.chosen == words[place]
                assert each.kept_out in [words[other] for other in above]
                seen += 1
        plain = draw(utility, spread, 5, np.random.default_rng(seed))
        assert plain.without == plain.places
    assert seen > 30


@pytest.mark.parametrize(("limit", "target"), [(1, 0), (2, 1), (3, 2), (5, 2), (10, 4), (50, 20)])
def test_positions_of_rare_gems_are_a_share_rounded_up(limit: int, target: int) -> None:
    assert rules(["cafe"], limit=limit, rare_share=0.4).target == target


def test_the_last_positions_are_kept_for_rare_gems_that_did_not_come_by_themselves() -> None:
    rule = rules([None] * 20, limit=10, rare=[2, 15, 16, 17, 18], rare_share=0.4)
    assert best_first(rule, 20) == (0, 1, 2, 3, 4, 5, 6, 15, 16, 17)
    fired = rule.fired(-np.arange(20.0), certain(rule, -np.arange(20.0)))
    assert fired == {at: [Constraint("rare_share", "popular", "rare")] for at in (7, 8, 9)}
    assert best_first(rules([None] * 20, limit=10, rare=[19], rare_share=0.4), 20)[-1] == 19  # all there are


def test_a_neighborhood_below_its_floor_gets_a_position() -> None:
    neighborhoods = ["Moda"] * 3 + [None] * 15 + ["Balat"] * 2
    rule = rules([None] * 20, neighborhoods, limit=10, need={18: 0.8, 19: 0.8}, floor=0.08)
    assert best_first(rule, 20) == (*range(9), 18)
    assert told(rule, -np.arange(20.0)) == {9: ["floor:Balat"]}
    assert best_first(rules([None] * 20, neighborhoods, limit=10, need={18: 0.8}, floor=0.0), 20) == (*range(10),)


def test_one_gem_pays_for_the_rare_share_and_for_a_floor() -> None:
    rule = rules([None] * 20, [None] * 19 + ["Balat"], limit=10, rare=[19], need={19: 1.0}, floor=0.08, rare_share=0.1)
    assert best_first(rule, 20) == (*range(8), 19, 8)
    assert told(rule, -np.arange(20.0)) == {8: ["rare_share", "floor:Balat"]}


def test_the_neediest_come_first() -> None:
    rule = rules([None] * 12, limit=10, need={10: 0.2, 11: 0.9}, floor=0.08)
    assert best_first(rule, 12)[-1] == 11
    closed = rules([None] * 12, limit=10, need={10: 0.2, 11: 0.9}, full=[11], floor=0.08)
    assert best_first(closed, 12)[-1] == 10  # who cannot be shown does not stand before others


def test_a_gem_at_its_ceiling_is_shown_only_where_nothing_else_is_left() -> None:
    rule = rules(["cafe", "bar", "museum", "garden"], limit=3, full=[0, 1])
    assert best_first(rule, 4) == (2, 3, 0)
    assert told(rule, -np.arange(4.0)) == {0: ["ceiling:c0"], 1: ["ceiling:c0"], 2: ["gave_way:ceiling"]}


def test_business_weights_are_told_where_they_changed_who_leads() -> None:
    rule = rules(["cafe", "bar", "museum"], limit=2)
    added = np.array([0.0, 0.0, 2.0])
    utility = np.array([2.0, 1.0, 2.5])
    assert rule.fired(utility, certain(rule, utility), added) == {0: [Constraint("business", "c0", "c2")]}


def test_explanations_name_what_brought_the_gem() -> None:
    fired = {
        1: [Constraint("ceiling", "a", "b"), Constraint("floor", "Moda", "Balat")],
        2: [Constraint("ceiling", "a", "b")],
    }
    assert explained(fired) == {1: Constraint("floor", "Moda", "Balat")}


def test_a_slate_says_what_changed_it_and_how_likely_it_was() -> None:
    types: list[str | None] = ["cafe"] * 30 + ["bar"] * 10
    utility = np.concatenate([np.full(30, 5.0), np.zeros(10)])
    rule = rules(types, limit=10, rare=range(30, 40), rare_share=0.4, diversity=0.2)
    found = fill(Utilities(utility, np.full(40, 0.5), 0.0), rule, np.random.default_rng(0))
    assert [types[place] for place in found.places] == ["cafe"] * 6 + ["bar"] * 4
    assert len(found.places) == len(set(found.places)) == 10
    assert found.fired[6] == [Constraint("rare_share", "popular", "rare")]
    assert found.constraints(6) == ("rare_share",)
    assert found.constraints(0) == ()
    assert found.propensities[0] == pytest.approx(1 / 30, abs=1e-3)
    assert found.propensities[6] == pytest.approx(1 / 10, abs=1e-3)


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_logged_propensities_are_the_shares_of_many_slates(share: float) -> None:
    rule = rules(
        ["cafe", "cafe", "bar", "bar", None, None], ["Moda"] * 3 + ["Balat"] * 3, limit=3, rare=[3, 4], full=[0],
        need={5: 1.0}, floor=0.3, rare_share=0.3, diversity=0.8, explored_share=share,
    )  # fmt: skip
    drawn_from = Utilities(np.array([2.0, 1.5, 1.0, 0.5, 0.2, 0.0]), np.full(6, 0.7), 0.0)
    shown: dict[tuple[int, ...], int] = {}
    logged: dict[tuple[int, ...], float] = {}
    random, rounds = np.random.default_rng(0), 1_000
    for _ in range(rounds):
        found = fill(drawn_from, rule, random)
        for position in range(3):
            prefix = found.places[: position + 1]
            shown[prefix] = shown.get(prefix, 0) + 1
            assert logged.setdefault(prefix, found.propensities[position]) == found.propensities[position] > 0.0
    assert len(shown) > 15
    for prefix, count in shown.items():
        before, p = shown.get(prefix[:-1], rounds), logged[prefix]
        assert abs(count - before * p) < 5.0 * math.sqrt(before * p * (1.0 - p)) + 1.0
    explored = {prefix: count for prefix, count in shown.items() if logged[prefix] < 1.0 - share}
    for position in (1, 2, 3):
        total = sum(count for prefix, count in explored.items() if len(prefix) == position)
        assert total < share * rounds + 5.0 * math.sqrt(rounds * 0.25)


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
        diversity=made(st.sampled_from([0.0, 0.2, 5.0])),
    )
    return rule, np.array([made(st.floats(-2.0, 2.0)) for _ in range(count)]), made(st.integers(0, 99))


@settings(max_examples=60, deadline=None)
@given(slates())
def test_rules_hold_whenever_they_can(made: tuple[Rules, np.ndarray, int]) -> None:
    rule, utility, seed = made
    random = np.random.default_rng(seed)
    drawn = draw(utility, np.full(len(utility), 0.5), rule.limit, random, rule.allowed, rule.taken, 0.5)
    assert min(drawn.propensities) > 0.0
    places = list(drawn.places)
    assert len(places) == len(set(places)) == min(rule.limit, len(utility))
    able = int((~rule.full).sum())
    assert rule.full[places].sum() == max(0, len(places) - able)  # ceilings give way to nothing but an empty place
    assert rule.rare[places].sum() >= min(rule.target, int((rule.rare & ~rule.full).sum()))
    for position, place in enumerate(places):
        before = places[:position]
        left = np.setdiff1d(np.arange(len(utility)), before)
        ceiling, share = rule.kept_out(before)
        assert not share[place] or ceiling[left].all()  # what is owed is paid as long as anything is below its ceiling
