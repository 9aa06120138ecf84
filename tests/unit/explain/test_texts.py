"""Every text of the templates passes the checker with the facts it was made from."""

from dataclasses import replace

import numpy as np
import pytest

from hidden_gems.catalogue.places import load_places
from hidden_gems.client import Explanation, Item, check_text, facts_of
from hidden_gems.explain.full import Listener, Shown, brief
from hidden_gems.explain.templates import LANGUAGES, TEMPLATES, Language
from hidden_gems.explain.wording import Facts, Phrase, texts
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.recommend.request import Preferences
from tests.worlds import context

PLACES = load_places().to_dict("records")
RANGES = {
    "type_share": (0, 1), "neighborhood_share": (0, 1), "authenticity": (0, 1), "tourist_ratio": (0, 1),
    "crowd_level": (0, 1), "hidden_factor": (0, 10), "price_level": (0, 4), "popularity": (0, 1),
    "interactions_7d": (0, 500), "interactions_total": (0, 90_000), "conversion_rate": (0, 1),
    "item_average_rating": (1, 5), "freshness_days": (0, 400), "travel_minutes": (0, 150), "own_visits": (0, 9),
    "activity_total": (0, 50), "cosine_similarity": (-1, 1), "ncf_score": (0, 1), "is_rare": (0, 1), "weather": (0, 1),
}  # fmt: skip
WHOLE = ("interactions_7d", "interactions_total", "own_visits", "activity_total", "is_rare")
SOURCES = ("own", "nearby", "trending", "item_knn", "online")


def slate(random: np.random.Generator) -> Shown:
    """Up to eight real places with features of any size, many of them missing."""
    count = int(random.integers(1, 9))
    vectors = np.full((count, len(FEATURE_NAMES)), np.nan, dtype=np.float32)
    for name, (low, high) in RANGES.items():
        values = random.uniform(low, high, count)
        column = np.round(values) if name in WHOLE else values
        known = random.random(count) < random.choice([0.2, 0.7, 1.0])
        vectors[:, FEATURE_NAMES.index(name)] = np.where(known, column, np.nan)
    liked = vectors[:, FEATURE_NAMES.index("activity_total")] > 0
    for name in ("type_share", "neighborhood_share"):  # of what a person liked: there is none for who liked nothing
        vectors[~liked, FEATURE_NAMES.index(name)] = np.nan
    items = [dict(PLACES[row]) for row in random.choice(len(PLACES), count, replace=False)]
    for item in items:
        for column in ("name", "neighborhood", "type"):
            if random.random() < 0.1:
                item[column] = None
        if random.random() < 0.1:
            item["type"] = "French Restaurant"
    sources = tuple(tuple(random.choice(SOURCES, 2, replace=False).tolist()) for _ in items)
    return Shown(tuple(items), tuple(range(count)), vectors, sources, (0.5,) * count)


def served(item: dict[str, object], told: dict[str, object]) -> Item:
    shown = {name: item[name] for name in ("name", "type", "neighborhood")}
    explanation = Explanation.model_validate(told)
    return Item(
        item_id="g", position=0, score=0.0, propensity=1.0, impression_token="", explanation=explanation, **shown
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("seed", range(60))
def test_every_text_tells_only_facts_and_no_sentence_stands_twice(language: Language, seed: int) -> None:
    random = np.random.default_rng(seed)
    shown = slate(random)
    at = replace(context(), timestamp=1_777_905_000 + 3600 * int(random.integers(24)))
    wished = Preferences(types=frozenset({"cafe", "historical"}))
    answers = brief(shown, Listener(at, language, wished))
    sentences = []
    for item, told in zip(shown.items, answers, strict=True):
        verdict = check_text(told["text"], facts_of(served(item, told)), language)
        assert verdict.ok, (told["text"], verdict.reasons, told["facts"])
        own = told["text"].split(". ")
        without_names = told["text"].replace(str(item["name"]), "X").split(". ")
        assert 2 <= len(without_names) <= 3  # "5. Kat" and "St. Antuan" have a full stop of their own
        sentences += [sentence.rstrip(".") for sentence in own if len(sentence) > 3]
    assert len(sentences) == len(set(sentences))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_is_there_in_two_forms(language: Language) -> None:
    assert TEMPLATES[language].keys() == TEMPLATES["en"].keys()
    assert all("{name" in named and "{name" not in plain for plain, named in TEMPLATES[language].values())


def test_the_same_reason_is_told_with_the_name_the_second_time() -> None:
    gems = [Facts({"name": name, "type": "cafe", "neighborhood": "Balat"}, {}) for name in ("Agora", "Kız Kulesi")]
    told = [(facts, [Phrase("first_time")]) for facts in gems]
    assert texts(told, "en") == [
        "Agora is a café in Balat. You have not been there yet.",
        "Try Kız Kulesi, a café in Balat. You have not been to Kız Kulesi yet.",
    ]
    assert texts(told, "tr") == [
        "Agora Balat'ta bir kafe. Buraya henüz gitmedin.",
        "Kız Kulesi'ni bir dene: Balat'ta bir kafe. Kız Kulesi'ne henüz gitmedin.",
    ]
