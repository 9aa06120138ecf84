import numpy as np

from hidden_gems.explain.asking import Scored
from hidden_gems.explain.attention import Looked
from hidden_gems.explain.counterfactuals import Change
from hidden_gems.explain.full import Listener, Shown, brief, full, similar_items
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.recommend.live import LiveItems
from hidden_gems.recommend.person import History
from hidden_gems.recommend.request import Preferences
from hidden_gems.recommend.rules import Constraint
from tests.worlds import COUNT, change, context, tables

ITEMS = LiveItems.of(tables(), {})


def vector(**values: float) -> np.ndarray:
    return np.array([values.get(name, np.nan) for name in FEATURE_NAMES], dtype=np.float32)


def shown(*sources: str, **values: float) -> Shown:
    """Gems 3 (a cafe in Moda) and 4 (a bar in Balat)."""
    return Shown(
        items=(ITEMS.item(3), ITEMS.item(4)),
        rows=(3, 4),
        vectors=np.stack([vector(**values), vector()]),
        sources=(sources, ()),
        confidence=(0.9, 0.5),
        fired={1: Constraint("new_type", "cafe", "bar")},
    )


def test_brief_reasons_begin_with_why_it_was_found_and_name_at_most_three() -> None:
    facts = {"travel_minutes": 12, "authenticity": 0.9, "hidden_factor": 8, "activity_total": 4, "ncf_score": 0.1}
    listener = Listener(context(), "en")
    near, liked = (brief(shown(source, **facts), listener)[0] for source in ("nearby", "item_knn"))
    assert near["text"] == (
        "Gem 3 is a café in Moda. It is about 12 minutes away. "
        "People with a taste like yours choose it, and hardly anybody knows it."
    )
    assert (near["language"], near["confidence"]) == ("en", 0.9)
    assert liked["text"].startswith("Gem 3 is a café in Moda. People with a taste like yours choose it. It is about")


def test_an_explanation_carries_every_fact_that_a_text_may_tell() -> None:
    told = brief(shown(travel_minutes=0.2, hidden_factor=8, own_visits=0), Listener(context(), "en"))[0]["facts"]
    at = context()
    assert told["type"] == "cafe"
    assert (told["travel_minutes"], told["hidden_factor"], told["stranger"]) == (1.0, 8.0, True)
    assert "own_visits" not in told
    assert told.get("weather") == at.weather


def test_a_wish_that_is_kept_is_told_first_in_both_languages() -> None:
    wish = Preferences(types=frozenset({"cafe"}))
    english = brief(shown(travel_minutes=5), Listener(context(), "en", wish))
    assert english[0]["text"].startswith("Gem 3 is a café in Moda. You asked for this kind of place. ")
    assert "asked" not in english[1]["text"]
    turkish = brief(shown(travel_minutes=5), Listener(context(), "tr", wish))
    assert turkish[0]["text"].startswith("Gem 3 Moda'da bir kafe. Tam istediğin türden. ")


def test_where_nothing_is_known_it_is_something_to_explore() -> None:
    listener = Listener(context(order_only=True), "en")
    assert listener.time_of_day is None
    assert [told["text"] for told in brief(shown(), listener)] == [
        "Gem 3 is a café in Moda. We do not know you well enough yet, so just have a look.",
        "Try Gem 4, a bar in Balat. We do not know you well enough yet, so just have a look at Gem 4.",
    ]


def test_a_full_explanation_has_every_field_of_the_contract() -> None:
    told = np.zeros((3, 61))
    told[0, FEATURE_NAMES.index("travel_minutes")] = 3.0
    told[0, FEATURE_NAMES.index("authenticity")] = 1.0
    liked = tables().neighbours[3][:1]
    listener = Listener(context(weather="storm"), "en", history=History(liked, np.array([0.5])))
    scored = Scored(
        background=vector()[None],
        contributions=told,
        tried=[Change("weather", "clear", {})],
        scores=np.array([2.0, 1.0]),
        changed=np.array([0.5, 1.0]),
        looked=[Looked(5, 0.31), Looked(6, 0.25)],
        lost=np.array([[0.25, 0.0], [-0.5, 0.0]]),
    )
    first, second = full(shown(travel_minutes=30.0, authenticity=0.8), listener, scored, ITEMS)
    facts = first.pop("facts")
    assert (facts["travel_minutes"], facts["authenticity"], facts["weather"]) == (30.0, 0.8, "storm")
    assert first == {
        "text": "Gem 3 is a café in Moda. It is about 30 minutes away. Our editors call it authentic (80 of 100).",
        "language": "en",
        "confidence": 0.9,
        "top_features": [
            {"name": "distance", "label": "distance", "importance": 0.75},
            {"name": "authenticity", "label": "authenticity", "importance": 0.25},
        ],
        "similar_items": [{"item_id": f"g{liked[0]}", "name": f"Gem {liked[0]}", "rating": 3}],
        "context_alignment": {"time": 0.5, "weather": 1.0, "distance": 0.368},
        "counterfactuals": [{"change": {"weather": "clear"}, "score_change": -1.5, "rank_change": 1}],
        "attention": [{"item_id": "g5", "name": "Gem 5", "weight": 0.31}],
        "diversity": None,
    }
    assert second["diversity"] == {"reason": "new_type", "from": "cafe", "to": "bar"}
    assert second["top_features"] == []
    assert second["counterfactuals"] == []
    assert second["attention"] == []


def test_similar_items_are_liked_neighbours_nearest_first_and_three_at_most() -> None:
    near = tables().neighbours[3]
    near = near[near > 0]
    history = History(near[::-1][-5:], np.array([1.0, 0.7, 0.3, 0.0, -0.5]))
    found = similar_items(3, history, ITEMS)
    assert [each["item_id"] for each in found] == [f"g{row}" for row in near[:3]]
    assert [each["rating"] for each in found] == [1, 1, 2]
    assert similar_items(3, None, ITEMS) == []
    later = LiveItems.of(tables(), {"late": change("late", type="bar")})
    assert similar_items(COUNT + 1, history, later) == []


def test_the_weather_is_a_reason_only_where_other_weather_would_lower_the_score() -> None:
    told = np.zeros((2, 61))
    told[:, FEATURE_NAMES.index("weather")] = 2.0, 1.0
    tried = [Change("weather", word, {}) for word in ("clear", "rain")]

    def reasons(*changed: float) -> list[str]:
        asked = shown(weather=1.0, setting=0.0)
        scored = Scored(vector()[None][:0], told, np.array([2.0, 1.0]), tried, np.array(changed))
        first, _ = full(asked, Listener(context(weather="storm"), "en"), scored, ITEMS)
        return [each["name"] for each in first["top_features"]]

    assert reasons(1.5, 1.0, 2.25, 1.0) == ["weather"]
    assert reasons(1.5, 1.0, 2.5, 1.0) == []
