"""One gem through every stage of an answer, kept and read again."""

import numpy as np
import pytest

from hidden_gems.core.errors import NotFoundError
from hidden_gems.recommend.answering import Found, choose, find, utilities_of, vectors
from hidden_gems.recommend.person import Person
from hidden_gems.recommend.request import Filters, Request
from hidden_gems.recommend.slate import Beliefs, Filled
from hidden_gems.recommend.trace import Trace
from tests.worlds import person, request, world

WORLD = world()


def answered(asked: Request, who: Person, seed: int = 0) -> tuple[Found, Filled, Trace]:
    """An answer, and its trace as the store gives it back."""
    found = find(WORLD, who, asked)
    count = len(found.rows)
    beliefs = Beliefs(np.linspace(1.0, 2.0, count), np.full(count, 0.1), np.full(count, 0.05))
    drawn_from = utilities_of(WORLD, who, asked, found, beliefs)
    filled = choose(
        WORLD, asked, found, drawn_from, vectors(WORLD, who, asked, found, None), np.random.default_rng(seed)
    )
    trace = Trace.of(WORLD.items, found, beliefs, drawn_from, filled)
    return found, filled, Trace.from_bytes(trace.to_bytes())


def row(item_id: str) -> int:
    return int(WORLD.items.tables.index.rows([item_id])[0])


def test_a_shown_gem_has_the_probability_that_was_logged_and_its_rules() -> None:
    found, filled, trace = answered(request(limit=6), person("g3"))
    assert len(filled.places) == 6
    for position, place in enumerate(filled.places):
        item_id = found.item_ids[place]
        told = trace.why(item_id, row(item_id))
        assert (told["stage"], told["position"]) == ("shown", position)
        assert told["sources"] == list(found.sources[place])
        assert told["constraints"] == list(filled.constraints(position))
        assert told["draws"][-1]["item_id"] == item_id
        assert told["draws"][-1]["probability"] == pytest.approx(filled.propensities[position], abs=2e-4)
        assert len(told["draws"]) == position + 1
        assert told["score_rank"] == len(found.rows) - place


def test_who_was_not_drawn_is_told_each_chance_and_each_rule() -> None:
    found, filled, trace = answered(request(limit=6), person("g3"))
    chances = np.zeros(6)
    for place, item_id in enumerate(found.item_ids):
        told = trace.why(item_id, row(item_id))
        for draw in told["draws"]:
            position = draw["position"]
            chances[position] += draw["probability"]
            allowed = place in filled.steps[position].able
            assert (draw["probability"] > 0.0) <= allowed
            out = filled.kept_out[position]
            assert len(draw["kept_out_by"]) == sum(bool(mask[place]) for mask in out)
        assert told["stage"] == ("shown" if place in filled.places else "draw")
    assert chances == pytest.approx(np.ones(6), abs=5e-3)


def test_who_failed_a_filter_is_told_which() -> None:
    asked = request(filters=Filters(types=frozenset({"cafe"}), exclude=frozenset({"g6"})), limit=3)
    found, _, trace = answered(asked, person("g3", dismissed=frozenset({"g4"})))
    fails = {item_id: trace.why(item_id, row(item_id))["fails"] for item_id in ("g3", "g4", "g6")}
    assert "seen" in fails["g3"]
    assert "dismissed" in fails["g4"]
    assert "exclude" in fails["g6"]
    assert trace.why("g3", row("g3"))["stage"] == "filters"
    assert not trace.why(found.item_ids[0], row(found.item_ids[0]))["fails"]


def test_a_gem_that_nobody_knew() -> None:
    _, _, trace = answered(request(), person("g3"))
    with pytest.raises(NotFoundError, match="nobody knew this gem"):
        trace.why("g9999", 0)
