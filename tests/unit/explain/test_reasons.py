import numpy as np
import pytest

from hidden_gems.explain.concepts import CONCEPTS, concept_contributions, shared
from hidden_gems.explain.reasons import explain
from hidden_gems.explain.templates import LABELS, LANGUAGES, TEMPLATES
from hidden_gems.explain.wording import Facts, Phrase, phrase, render, texts
from hidden_gems.features.schema import FEATURE_NAMES

NAMES = FEATURE_NAMES


def vector(**values: float) -> np.ndarray:
    return np.array([values.get(name, np.nan) for name in NAMES], dtype=np.float32)


def contributions(*rows: dict[str, float]) -> np.ndarray:
    return np.array([[row.get(name, 0.0) for name in NAMES] + [0.25] for row in rows])


def facts(item: dict[str, object] | None = None, **values: float) -> Facts:
    return Facts(item or {}, values, "evening")


def test_every_feature_belongs_to_exactly_one_concept() -> None:
    named = [name for names in CONCEPTS.values() for name in names]
    assert sorted(named) == sorted(NAMES)


def test_lifts_add_up_to_the_distance_from_the_mean_score() -> None:
    values = np.random.default_rng(0).normal(size=(5, len(NAMES) + 1))
    values[:, -1] = 0.7
    lifts = concept_contributions(values, NAMES)
    scores = values.sum(axis=1)
    np.testing.assert_allclose(sum(lifts.values()), scores - scores.mean(), atol=1e-12)


def test_both_languages_say_the_same_things() -> None:
    assert TEMPLATES["en"].keys() == TEMPLATES["tr"].keys()
    assert LABELS["en"].keys() == LABELS["tr"].keys() == CONCEPTS.keys() - {"person"}


def test_the_strongest_concepts_are_told_first_with_their_share() -> None:
    weights = contributions({"type_share": 3.0, "travel_minutes": 1.0, "popularity": -9.0}, {})
    vectors = np.stack([vector(type_share=0.4, travel_minutes=12, activity_total=9), vector()])
    items = [{"name": "Agora", "type": "cafe", "neighborhood": "Balat"}, {}]
    [answer] = explain(weights, vectors, NAMES, items, [0], "en")
    assert answer.text == (
        "Agora is a café in Balat. 40 % of the places you liked are of this kind. It is about 12 minutes away."
    )
    assert [(reason.name, reason.importance) for reason in answer.top_features] == [("taste", 0.75), ("distance", 0.25)]
    [turkish] = explain(weights, vectors, NAMES, items, [0], "tr")
    assert turkish.text == (
        "Agora Balat'ta bir kafe. Beğendiğin yerlerin yüzde 40 kadarı bu türden. Sana yaklaşık 12 dakika uzakta."
    )
    assert turkish.top_features[0].label == "zevkin"


def test_at_most_three_reasons_and_the_rest_still_counts() -> None:
    weights = contributions({"travel_minutes": 4.0, "authenticity": 3.0, "price_level": 2.0, "crowd_level": 1.0}, {})
    vectors = np.stack([vector(travel_minutes=5, authenticity=0.9, price_level=1, crowd_level=0.1), vector()])
    [answer] = explain(weights, vectors, NAMES, [{}, {}], [0], "en")
    assert [reason.importance for reason in answer.top_features] == pytest.approx([0.4, 0.3, 0.2])


def test_a_missing_fact_is_never_told() -> None:
    weights = contributions(dict.fromkeys(NAMES, 1.0), {})
    [answer] = explain(weights, np.stack([vector(), vector()]), NAMES, [{}, {}], [0], "en")
    assert answer.text == "This is a place. We do not know you well enough yet, so just have a look."
    assert answer.top_features == ()


def test_what_lowers_a_gem_is_no_reason() -> None:
    weights = contributions({"authenticity": -1.0}, {"authenticity": 1.0})
    [answer] = explain(weights, np.stack([vector(authenticity=0.9)] * 2), NAMES, [{}, {}], [0], "en")
    assert answer.top_features == ()


CAFE = {"type": "cafe", "neighborhood": "Balat", "setting": "indoor"}


@pytest.mark.parametrize(
    ("concept", "given", "said"),
    [
        ("taste", facts(CAFE, type_share=0.004, activity_total=1, cosine_similarity=0.2), Phrase("similar")),
        ("taste", facts(CAFE, type_share=0.06, activity_total=1, cosine_similarity=0.2), Phrase("similar")),
        ("taste", facts(CAFE, type_share=0.1, activity_total=1), Phrase("type_share", {"percent": 10})),
        ("taste", facts(CAFE, cosine_similarity=0.2), None),
        ("taste", facts(CAFE, activity_total=1, cosine_similarity=0.0), None),
        (
            "neighborhood",
            facts(CAFE, neighborhood_share=0.254),
            Phrase("neighborhood_share", {"percent": 25, "neighborhood": "Balat"}),
        ),
        ("neighborhood", facts({}, neighborhood_share=0.25), None),
        ("people", facts(ncf_score=0.1, activity_total=1), Phrase("people")),
        ("people", facts(collaborative_score=0.1), Phrase("newcomers")),
        ("people", facts(activity_total=3), None),
        ("path", facts(sasrec_score=0.1, activity_total=1), Phrase("path")),
        ("path", facts(gru4rec_score=0.1, activity_total=1), Phrase("path")),
        ("path", facts(sasrec_score=0.1), None),
        ("path", facts(activity_total=3), None),
        ("authenticity", facts(authenticity=0.5), Phrase("authentic", {"percent": 50})),
        ("authenticity", facts(authenticity=0.49), Phrase("unpretentious", {"percent": 49})),
        ("crowd", facts(crowd_level=0.49, tourist_ratio=0.9), Phrase("calm")),
        ("crowd", facts(crowd_level=0.5), Phrase("lively")),
        ("crowd", facts(tourist_ratio=0.2), Phrase("locals", {"percent": 20})),
        ("crowd", facts(tourist_ratio=0.5), Phrase("visitors", {"percent": 50})),
        ("crowd", facts(), None),
        ("distance", facts(travel_minutes=61), None),
        ("taste", facts(type="cafe", type_share=1.0), None),
        ("hidden", facts(hidden_factor=5), Phrase("hidden")),
        ("hidden", facts(hidden_factor=4), Phrase("famous")),
        ("price", facts(price_level=0), Phrase("free")),
        ("price", facts(price_level=2), Phrase("price", {"level": 2})),
        ("popularity", facts(popularity=0.1, interactions_7d=7), Phrase("popular_week", {"likes": 7})),
        ("popularity", facts(popularity=0.5, interactions_total=90), Phrase("popular", {"likes": 90})),
        ("popularity", facts(popularity=0.05, interactions_7d=2, is_rare=1), Phrase("rare")),
        ("popularity", facts(popularity=0.5, interactions_7d=0, is_rare=0), None),
        ("quality", facts(item_average_rating=3.5, conversion_rate=0.3), Phrase("rated", {"rating": 3.5})),
        ("quality", facts(item_average_rating=3.4, conversion_rate=0.3), Phrase("converts", {"percent": 30})),
        ("quality", facts(conversion_rate=1.0), None),
        ("novelty", facts(freshness_days=60), Phrase("new", {"days": 60})),
        ("novelty", facts(freshness_days=0.2), Phrase("new", {"days": 1})),
        ("novelty", facts(freshness_days=61), None),
        ("distance", facts(travel_minutes=0.0), Phrase("near", {"minutes": 1})),
        ("own", facts(own_visits=2, activity_total=3), Phrase("again", {"visits": 2})),
        ("own", facts(own_visits=0, activity_total=3), Phrase("first_time")),
        ("own", facts(own_visits=0), None),
        ("time", facts(), Phrase("time", {"time": "evening"})),
        ("time", Facts({}, {}), None),
        ("weather", facts(CAFE, weather=0.6), Phrase("weather", {"setting": "indoor"})),
        ("weather", facts(CAFE, temperature=30), Phrase("weather", {"setting": "indoor"})),
        ("weather", facts(CAFE), None),
        ("person", facts(activity_total=3), None),
    ],
)  # fmt: skip
def test_phrases_follow_the_facts(concept: str, given: Facts, said: Phrase | None) -> None:
    assert phrase(concept, given) == said
    if said:
        assert all(render(said, language) for language in LANGUAGES)


def test_own_words_of_a_data_set_stay() -> None:
    gem = Facts({"name": "Chez Ali", "type": "French Restaurant"}, {})
    assert texts([(gem, [Phrase("rated", {"rating": 4.5})])], "tr") == [
        "Chez Ali bir yer (French Restaurant). Puanı 5 üzerinden 4,5."
    ]


def test_what_all_candidates_share_is_no_reason_for_one_of_them() -> None:
    vectors = np.full((2, len(FEATURE_NAMES)), np.nan, dtype=np.float32)
    for name, values in {"own_visits": (0, 0), "activity_total": (4, 4), "travel_minutes": (9, 30)}.items():
        vectors[:, FEATURE_NAMES.index(name)] = values
    assert "own" in shared(vectors, FEATURE_NAMES)
    assert "price" in shared(vectors, FEATURE_NAMES)  # unknown of both
    assert not {"distance", "time", "weather"} & shared(vectors, FEATURE_NAMES)
    told = np.zeros((2, len(FEATURE_NAMES) + 1))
    told[0, FEATURE_NAMES.index("own_visits")], told[0, FEATURE_NAMES.index("travel_minutes")] = 3.0, 1.0
    [found] = explain(told, vectors, FEATURE_NAMES, [{"name": "Agora"}, {}], [0], "en")
    assert [(each.name, each.importance) for each in found.top_features] == [("distance", 1.0)]
