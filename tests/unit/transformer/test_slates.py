"""What is written down of an answer."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hidden_gems.core import erasures
from hidden_gems.core.errors import ExpiredError, NotFoundError
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.core.names import ERASURES, erased, kept_slates
from hidden_gems.core.names import slate as slate_key
from hidden_gems.events.records import Slate
from hidden_gems.events.tokens import BadTokenError, Tokens
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.recommend.answering import find, utilities_of, vectors
from hidden_gems.recommend.person import Person
from hidden_gems.recommend.request import Request
from hidden_gems.recommend.rules import Constraint
from hidden_gems.recommend.slate import Beliefs, Filled
from inference.transformer.answers import Served, background
from inference.transformer.slates import EXPLAINED_SECONDS, Kept, keep, kept, prediction, recall, slate_of
from tests.worlds import NOW, context, person, request, world

TOKENS = Tokens([b"key"])


def served(asked: Request | None = None, who: Person | None = None, lost: tuple[str, ...] = ()) -> Served:
    """An answer with two places: candidates 4 and 1, the second because of a rule."""
    asked = asked or request(context=context(lat=41.0, lon=29.0, weather="rain"), limit=2, mood="calm")
    who, seen = who or person("g3", "g5"), world()
    found = find(seen, who, asked)
    count = len(found.rows)
    beliefs = Beliefs(np.arange(count, dtype=np.float64), np.full(count, 0.1), np.full(count, 0.05))
    return Served(
        slate_id="s1",
        issued=NOW + 1.0,
        request=asked,
        person=who,
        world=seen,
        found=found,
        vectors=vectors(seen, who, asked, found, None),
        beliefs=beliefs,
        utilities=utilities_of(seen, who, asked, found, beliefs),
        filled=Filled(
            (4, 1), (0.25, 0.5), {1: [Constraint("ceiling", "g9", "g2"), Constraint("new_type", "cafe", "bar")]}
        ),
        state_version=7,
        lost=lost,
    )


def test_a_slate_says_everything_about_the_answer() -> None:
    answer = served()
    slate = slate_of(answer)
    assert (slate.slate_id, slate.user_id, slate.timestamp) == ("s1", "somebody", float(NOW))
    assert (slate.policy, slate.release, slate.state_version) == ("ranker+thompson", "2026-05-04.1", 7)
    assert [(place.item_id, place.position, place.propensity, place.score) for place in slate.places] == [
        (answer.found.item_ids[4], 0, 0.25, 4.0), (answer.found.item_ids[1], 1, 0.5, 1.0),
    ]  # fmt: skip
    assert [place.constraints for place in slate.places] == [(), ("ceiling:g9", "new_type:cafe")]
    for place, number in zip(slate.places, (4, 1), strict=True):
        assert place.sources == answer.found.sources[number]
        np.testing.assert_array_equal(np.array(place.vector, np.float32), answer.vectors[number])
    assert slate.context == {
        "weather": "rain", "mood": "calm", "language": "en", "lat": 41.0, "lon": 29.0,
        "hand_over": pytest.approx(0.104),
    }  # fmt: skip
    assert Slate.from_json(slate.to_json()).places[0].item_id == slate.places[0].item_id


@pytest.mark.parametrize("why", ["no consent", "no store"])
def test_who_may_not_be_known_is_not_named_and_not_located(why: str) -> None:
    who = Person(consent=False) if why == "no consent" else Person()
    answer = served(who=who, lost=() if why == "no consent" else ("features",))
    slate = slate_of(answer)
    assert slate.user_id == ""
    assert "lat" not in slate.context
    assert "lon" not in slate.context
    assert slate.context["weather"] == "rain"
    tokens = [each["impression_token"] for each in prediction(answer, "u42", TOKENS, None)["items"]]
    assert all(tokens) is (why == "no store")


def test_the_variant_is_in_the_slate_and_in_the_answer() -> None:
    answer = replace(served(), variant="static")
    assert slate_of(answer).variant == prediction(answer, "u42", TOKENS, None)["variant"] == "static"
    assert slate_of(served()).variant == ""


def test_an_answer_names_the_caller_and_signs_for_the_pseudonym() -> None:
    answer = served(lost=("deep",))
    found = prediction(answer, "u42", TOKENS, None)
    assert (found["user_id"], found["policy"], found["degraded"]) == ("u42", "ranker+thompson-deep", ["deep"])
    assert (found["short"], found["hand_over"], found["state_version"]) == (False, pytest.approx(0.104), 7)
    assert "unknown_candidates" not in found
    first = found["items"][0]
    assert (first["position"], first["score"], first["propensity"]) == (0, 4.0, 0.25)
    about = answer.world.items.item(int(answer.found.rows[4]))
    assert {name: first[name] for name in ("item_id", "name", "type", "neighborhood", "lat", "lon")} == {
        name: about[name] for name in ("item_id", "name", "type", "neighborhood", "lat", "lon")
    }
    assert first["source"] == list(answer.found.sources[4])
    told = {"item_id": first["item_id"], "event_type": "click", "now": NOW + 60.0, "slate_id": "s1"}
    claim = TOKENS.verify(first["impression_token"], user_id="somebody", **told)
    assert (claim.position, claim.propensity, claim.issued) == (0, 0.25, NOW + 1.0)
    with pytest.raises(BadTokenError):
        TOKENS.verify(first["impression_token"], user_id="u42", **told)
    json.dumps(found, allow_nan=False)


def test_fewer_items_than_asked_are_short_and_explanations_lie_beside_their_items() -> None:
    answer = served(request(limit=3))
    found = prediction(answer, "u42", TOKENS, [{"text": "a"}, {"text": "b"}])
    assert found["short"]
    assert [each["explanation"] for each in found["items"]] == [{"text": "a"}, {"text": "b"}]


def test_what_is_kept_comes_back_equal() -> None:
    answer = served()
    slate, others = slate_of(answer), [0, 2]
    what = kept(answer, slate, others)
    found = Kept.from_json(what.to_json())
    np.testing.assert_array_equal(found.background, answer.vectors[others])
    np.testing.assert_array_equal(found.vectors, answer.vectors[[4, 1]])
    assert found.background_ids == tuple(answer.found.item_ids[place] for place in others)
    assert replace(found, slate=slate, background=what.background, trace=what.trace) == what
    assert found.context == replace(answer.request.context, timestamp=NOW)
    assert found.fired == {1: Constraint("new_type", "cafe", "bar")}
    assert len(found.confidence) == 2
    older = {name: value for name, value in json.loads(what.to_json()).items() if name != "trace"}
    assert Kept.from_json(json.dumps(older).encode()).trace is None
    nothing = Kept.from_json(kept(answer, slate, []).to_json())
    assert nothing.background.shape == (0, len(FEATURE_NAMES))


def test_a_slate_is_recalled_for_a_day_of_event_time() -> None:
    keys, answer = MemoryKeyValue(), served()
    keep(keys, kept(answer, slate_of(answer), []))
    assert recall(keys, "s1", NOW + 1.0 + EXPLAINED_SECONDS).slate.slate_id == "s1"
    with pytest.raises(ExpiredError):
        recall(keys, "s1", NOW + 1.1 + EXPLAINED_SECONDS)
    with pytest.raises(NotFoundError):
        recall(keys, "s2", NOW)
    assert EXPLAINED_SECONDS == 86_400.0
    assert keys.get([slate_key("s1")]) != [None]


def test_the_background_is_some_of_those_not_shown_each_once() -> None:
    answer = served()
    found = background(answer, 5, np.random.default_rng(0))
    assert len(found) == len(set(found)) == 5
    assert not {1, 4} & set(found)
    assert set(background(answer, 500, np.random.default_rng(0))) == set(range(len(answer.found.rows))) - {1, 4}
    assert background(replace(answer, filled=Filled(tuple(range(len(answer.found.rows))), ())), 5,
                      np.random.default_rng(0)) == []  # fmt: skip


def test_a_kept_slate_is_found_by_its_person_and_nobody_elses() -> None:
    keys, named, unnamed = MemoryKeyValue(), slate_of(served()), slate_of(served(who=Person(consent=False)))
    keep(keys, kept(served(), named, []))
    keep(keys, kept(served(), replace(unnamed, slate_id="s2"), []))
    assert keys.fetch(lists=[kept_slates("somebody"), kept_slates("")]).lists == [[b"s1"], []]
    assert keys.holding("somebody") == [slate_key("s1"), kept_slates("somebody")]


def test_a_slate_of_who_is_erased_while_it_is_kept_is_not() -> None:
    keys, answer = MemoryKeyValue(), served()
    erasures.note(keys, "somebody", answer.issued)
    keep(keys, kept(answer, slate_of(answer), []))
    assert keys.holding("somebody") == [ERASURES, erased("somebody")]
    later = replace(answer, slate_id="s2", issued=answer.issued + 1.0)
    keep(keys, kept(later, slate_of(later), []))
    assert keys.fetch(lists=[kept_slates("somebody")]).lists == [[b"s2"]]
