"""The card a person reads: an opening, the first gem with its reasons, and the others in a line each."""

from collections.abc import Mapping
from typing import Literal

from hidden_gems.client.answers import Explanation, Item, Prediction

Language = Literal["en", "tr"]

TOP_FACTORS = 3
AUTHENTIC_FROM, WELL_KNOWN_BELOW = 0.75, 0.4
"""Authenticity from which the opening speaks of the real Istanbul, and below which of well-known places."""

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "authentic": "Here is a corner of Istanbul that its own people love:",
        "balanced": "Here is a place that locals and visitors share:",
        "well_known": "Here is a well-known place that is worth it:",
        "unknown": "Here is a place for you:",
        "nothing": "No place fits what you asked for. Try fewer filters.",
        "why": "Why this gem for you",
        "factors": "Key factors",
        "similar": "Like places you know",
        "others": "Also worth a look",
        "place": "Place",
        "percent": "{label} {percent} %",
        "rated": "{name} (you gave it {rating:g} of 5)",
        "higher": "{when} it would be {places} higher on this list.",
        "lower": "{when} it would be {places} lower on this list.",
        "one": "1 place",
        "more": "{count} places",
        "morning": "In the morning",
        "afternoon": "In the afternoon",
        "evening": "In the evening",
        "night": "At night",
        "clear": "In clear weather",
        "rain": "In rain",
    },
    "tr": {
        "authentic": "İşte İstanbulluların kendilerine sakladığı bir köşe:",
        "balanced": "İşte yerlisiyle ziyaretçisini buluşturan bir yer:",
        "well_known": "İşte ününü hak eden, bilinen bir yer:",
        "unknown": "İşte sana göre bir yer:",
        "nothing": "İstediklerine uyan bir yer bulamadık. Daha az filtreyle dene.",
        "why": "Neden bu yer",
        "factors": "Öne çıkanlar",
        "similar": "Bildiğin yerlere benziyor",
        "others": "Bunlara da bak",
        "place": "Yer",
        "percent": "{label} yüzde {percent}",
        "rated": "{name} (5 üzerinden {rating:g} verdin)",
        "higher": "{when} bu listede {places} yukarıda olurdu.",
        "lower": "{when} bu listede {places} aşağıda olurdu.",
        "one": "1 sıra",
        "more": "{count} sıra",
        "morning": "Sabah",
        "afternoon": "Öğleden sonra",
        "evening": "Akşam",
        "night": "Gece",
        "clear": "Hava açıkken",
        "rain": "Yağmur yağarken",
    },
}


def render(prediction: Prediction, language: Language = "en") -> str:
    """Write the card of an answer, as Markdown.

    Args:
        prediction: An answer; without `explain` in the request there are no reasons to tell.
        language: Of the words around the reasons; the reasons come in the language that the request asked for.

    Examples:
        >>> slate = Prediction.model_validate(
        ...     {"slate_id": "s", "user_id": "u", "policy": "p", "release": "r", "items": [
        ...         {"item_id": "g7", "position": 0, "score": 0.8, "propensity": 0.4, "impression_token": "t",
        ...          "name": "Küflü Kitap", "neighborhood": "Balat", "authenticity": 0.9,
        ...          "explanation": {"text": "it is rarely crowded.",
        ...                          "top_features": [{"name": "crowd", "label": "crowds", "importance": 0.347}]}}]})
        >>> print(render(slate))
        Here is a corner of Istanbul that its own people love:
        <BLANKLINE>
        **Küflü Kitap**, Balat
        Why this gem for you: it is rarely crowded.
        Key factors: crowds 35 %
    """
    words = WORDS[language]
    if not prediction.items:
        return words["nothing"]
    first, *others = prediction.items
    lines = [words[_opening(first.authenticity)], "", f"**{_name(first, words)}**{_where(first)}"]
    if first.explanation:
        lines += _reasons(first.explanation, words)
    if others:
        lines += ["", f"{words['others']}:", *(f"- {_name(item, words)}{_where(item)}" for item in others)]
    return "\n".join(lines)


def _opening(authenticity: float | None) -> str:
    if authenticity is None:
        return "unknown"
    if authenticity >= AUTHENTIC_FROM:
        return "authentic"
    return "well_known" if authenticity < WELL_KNOWN_BELOW else "balanced"


def _name(item: Item, words: Mapping[str, str]) -> str:
    return item.name or f"{item.type or words['place']} {item.item_id}"


def _where(item: Item) -> str:
    return f", {item.neighborhood}" if item.neighborhood else ""


def _reasons(explanation: Explanation, words: Mapping[str, str]) -> list[str]:
    factors = [
        words["percent"].format(label=reason.label or reason.name, percent=round(100 * reason.importance))
        for reason in explanation.top_features[:TOP_FACTORS]
    ]
    similar = [
        words["rated"].format(name=item.name or item.item_id, rating=item.rating)
        if item.rating is not None
        else item.name or item.item_id
        for item in explanation.similar_items
    ]
    told = (("why", explanation.text), ("factors", ", ".join(factors)), ("similar", ", ".join(similar)))
    return [*(f"{words[key]}: {text}" for key, text in told if text), *_otherwise(explanation, words)]


def _otherwise(explanation: Explanation, words: Mapping[str, str]) -> list[str]:
    """What would move the gem most, where anything would: another time of day, or other weather."""
    moves = [each for each in explanation.counterfactuals if each.get("rank_change")]
    if not moves:
        return []
    most = max(moves, key=lambda each: abs(int(each["rank_change"])))
    when = next((words[word] for word in most["change"].values() if word in words), None)
    count = abs(int(most["rank_change"]))
    places = words["one"] if count == 1 else words["more"].format(count=count)
    sentence = words["higher" if most["rank_change"] < 0 else "lower"]
    return [sentence.format(when=when, places=places)] if when else []
