"""Two or three sentences about a gem; a phrase exists only where the fact it tells is known."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from hidden_gems.explain import turkish
from hidden_gems.explain.english import a, plural
from hidden_gems.explain.templates import KINDS, OPENINGS, TEMPLATES, UNNAMED, WORDS, Language


@dataclass(frozen=True)
class Facts:
    """What may be said about one gem for one person now."""

    item: Mapping[str, Any]  # its row of the item table
    features: Mapping[str, float]  # its vector by name; NaN, or left out, where missing
    time_of_day: str | None = None

    def value(self, name: str) -> float | None:
        """A feature, None where it is missing."""
        value = self.features.get(name)
        return None if value is None or value != value else value

    def text(self, name: str) -> str | None:
        """A column of the item table, None where it is empty."""
        value = self.item.get(name)
        return value if isinstance(value, str) and value else None

    @property
    def has_history(self) -> bool:
        """Whether the person liked anything before."""
        return (self.value("activity_total") or 0) > 0


@dataclass(frozen=True)
class Phrase:
    """Key of a template and the facts it is filled with."""

    key: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def phrase(concept: str, facts: Facts) -> Phrase | None:
    """What can be said of a concept, None where the facts for it are missing."""
    teller = _TELLERS.get(concept)
    return teller(facts) if teller else None


def render(told: Phrase, language: Language, name: str | None = None) -> str:
    """A phrase in a language, about "it" or about the gem by its name."""
    words = WORDS[language]
    filled = {key: words.get(value, value) if isinstance(value, str) else value for key, value in told.facts.items()}
    filled |= _counts(told.facts)
    if "rating" in filled:
        filled["rating"] = f"{filled['rating']:g}".replace(".", "," if language == "tr" else ".")
    if language == "tr":
        filled |= _cases(name) if name else {}
        if "neighborhood" in filled:
            filled["neighborhood_locative"] = _cases(filled["neighborhood"])["name_locative"]
    plain, named = TEMPLATES[language][told.key]
    return (named if name else plain).format(name=name, **filled)


def texts(gems: Sequence[tuple[Facts, Sequence[Phrase]]], language: Language) -> list[str]:
    """Two or three sentences about each gem of a slate: what it is and where, then the reasons in their order.

    No sentence stands twice in a slate: where another gem has the same reason, it is told with the name.

    Args:
        gems: Facts and at most three phrases of each.
        language: "en" or "tr".
    """
    used: set[str] = set()
    found = []
    for place, (facts, phrases) in enumerate(gems):
        told = list(phrases) or [Phrase("look" if facts.has_history else "stranger")]
        kept = []
        for forms in (
            _openings(facts, place, len(gems), language),
            *(_reasons(group, facts.text("name"), language) for group in (told[:1], told[1:]) if group),
        ):
            fresh = next((sentence for sentence in forms if sentence not in used), None)
            if fresh is not None:
                kept.append(fresh)
                used.add(fresh)
        kept = kept or list(_openings(facts, place, len(gems), language))[:1]  # a twin of a gem before it
        found.append(" ".join(kept))
    return found


def _openings(facts: Facts, place: int, count: int, language: Language) -> Iterator[str]:
    name, type_, neighborhood = facts.text("name"), facts.text("type") or "", facts.text("neighborhood")
    where = ""
    if neighborhood:
        where = f" in {neighborhood}" if language == "en" else f" {_cases(neighborhood)['name_locative']}"
    kind = _kind(type_, language)
    if not name:
        alone, listed = UNNAMED[language]
        form = listed if count > 1 else alone
        yield _sentence(form.format(kind=kind, where=where, place=place + 1), language)
        return
    forms = OPENINGS[language]
    cases = _cases(name) if language == "tr" else {}
    for step in range(len(forms)):
        filled = forms[(place + step) % len(forms)].format(name=name, kind=kind, where=where, **cases)
        yield _sentence(filled, language, keep=filled.startswith(name))


def _kind(type_: str, language: Language) -> str:
    known = KINDS[language].get(type_)
    if known:
        return known
    return a(type_) if language == "en" else f"bir yer ({type_})"


def _reasons(told: Sequence[Phrase], name: str | None, language: Language) -> Iterator[str]:
    """One or two reasons as a sentence, without the name and with it."""
    rest = [render(each, language) for each in told[1:]]
    joint = ", and " if language == "en" else "; "
    yield _sentence(joint.join([render(told[0], language), *rest]), language)
    if name:
        named = joint.join([render(told[0], language, name), *rest])
        yield _sentence(named, language, keep=named.startswith(name))


def _sentence(words: str, language: Language, keep: bool = False) -> str:
    """Words as a sentence; a name at its beginning keeps its letters."""
    first = "İ" if language == "tr" and words[0] == "i" else words[0].upper()
    return f"{words[0] if keep else first}{words[1:]}."


@lru_cache(maxsize=16_384)
def _cases(name: str) -> dict[str, str]:
    """Turkish cases of a name by the words of the templates."""
    cases = (turkish.accusative, turkish.dative, turkish.genitive, turkish.locative)
    return {f"name_{case.__name__}": case(name) for case in cases}


def _counts(facts: Mapping[str, Any]) -> dict[str, str]:
    """English words that follow a number."""
    units = {
        "likes": ("times", "time"),
        "visits": ("times", "time"),
        "minutes": ("unit", "minute"),
        "days": ("unit", "day"),
    }
    return {word: noun if facts[name] == 1 else plural(noun) for name, (word, noun) in units.items() if name in facts}


def known(facts: Facts, **held: bool | float) -> dict[str, bool | float | str]:
    """What may be told of a gem, for whoever checks or writes a text: `client.Facts.values`.

    Args:
        facts: Of the gem.
        **held: More that is so, such as `wished`.
    """
    found: dict[str, bool | float | str] = {}
    for name in ("type", "neighborhood", "setting"):
        word = facts.text(name)
        if word is not None:
            found[name] = word
    if facts.time_of_day:
        found["time_of_day"] = facts.time_of_day
    for name in _VALUES:
        value = facts.value(name)
        if value is not None:
            found[name] = round(max(1.0, value) if name in ("travel_minutes", "freshness_days") else value, 4)
    history, scored = facts.has_history, _people(facts) is not None
    if not history:
        found.pop("own_visits", None)
    told = {
        "is_rare": (facts.value("is_rare") or 0) > 0,
        "similar": history and (facts.value("cosine_similarity") or 0) > 0,
        "people": scored and history,
        "path": _path(facts) is not None,
        "newcomers": scored and not history,
        "stranger": not history,
        **held,
    }
    return found | {name: value for name, value in told.items() if value}


_VALUES = (
    "authenticity", "tourist_ratio", "crowd_level", "hidden_factor", "price_level", "type_share", "neighborhood_share",
    "item_average_rating", "interactions_7d", "interactions_total", "conversion_rate", "freshness_days",
    "travel_minutes", "own_visits",
)  # fmt: skip


_FAR_MINUTES = 60.0
_TELLING_SHARE = 0.1  # "4 % of what you liked is like this" is no reason that anybody believes


def _percent(share: float) -> int:
    return round(100 * share)


def _taste(facts: Facts) -> Phrase | None:
    share, type_ = facts.value("type_share") or 0.0, facts.text("type")
    if type_ and share >= _TELLING_SHARE and _percent(share) < 100:  # of one place, all are of its kind
        return Phrase("type_share", {"percent": _percent(share)})
    similarity = facts.value("cosine_similarity")
    return Phrase("similar") if facts.has_history and similarity is not None and similarity > 0 else None


def _neighborhood(facts: Facts) -> Phrase | None:
    share, neighborhood = facts.value("neighborhood_share"), facts.text("neighborhood")
    if neighborhood and share and 0 < _percent(share) < 100:
        return Phrase("neighborhood_share", {"percent": _percent(share), "neighborhood": neighborhood})
    return None


def _people(facts: Facts) -> Phrase | None:
    known = facts.value("ncf_score") is not None or facts.value("collaborative_score") is not None
    return Phrase("people" if facts.has_history else "newcomers") if known else None


def _path(facts: Facts) -> Phrase | None:
    known = facts.value("sasrec_score") is not None or facts.value("gru4rec_score") is not None
    return Phrase("path") if known and facts.has_history else None


def _authenticity(facts: Facts) -> Phrase | None:
    value = facts.value("authenticity")
    if value is None:
        return None
    return Phrase("authentic" if value >= 0.5 else "unpretentious", {"percent": _percent(value)})


def _crowd(facts: Facts) -> Phrase | None:
    crowd, tourists = facts.value("crowd_level"), facts.value("tourist_ratio")
    if crowd is not None:
        return Phrase("calm" if crowd < 0.5 else "lively")
    if tourists is not None:
        return Phrase("locals" if tourists < 0.5 else "visitors", {"percent": _percent(tourists)})
    return None


def _hidden(facts: Facts) -> Phrase | None:
    value = facts.value("hidden_factor")
    if value is None:
        return None
    return Phrase("hidden" if value >= 5 else "famous")


def _price(facts: Facts) -> Phrase | None:
    value = facts.value("price_level")
    if value is None:
        return None
    return Phrase("free") if value == 0 else Phrase("price", {"level": round(value)})


def _popularity(facts: Facts) -> Phrase | None:
    week = facts.value("interactions_7d")
    likes = week if week is not None else facts.value("interactions_total")
    if not likes or (facts.value("popularity") or 0) < 0.1:
        return Phrase("rare") if (facts.value("is_rare") or 0) > 0 else None
    return Phrase("popular_week" if week is not None else "popular", {"likes": round(likes)})


def _quality(facts: Facts) -> Phrase | None:
    rating, conversion = facts.value("item_average_rating"), facts.value("conversion_rate")
    if rating is not None and rating >= 3.5:
        return Phrase("rated", {"rating": round(rating, 1)})
    if conversion is not None and 0 < _percent(conversion) < 100:
        return Phrase("converts", {"percent": _percent(conversion)})
    return None


def _novelty(facts: Facts) -> Phrase | None:
    days = facts.value("freshness_days")
    return Phrase("new", {"days": max(1, round(days))}) if days is not None and days <= 60 else None


def _distance(facts: Facts) -> Phrase | None:
    minutes = facts.value("travel_minutes")
    if minutes is None or minutes > _FAR_MINUTES:  # nearer than others it may be, but nobody calls that near
        return None
    return Phrase("near", {"minutes": max(1, round(minutes))})


def _own(facts: Facts) -> Phrase | None:
    visits = facts.value("own_visits")
    if visits is None or not facts.has_history:
        return None
    return Phrase("again", {"visits": round(visits)}) if visits > 0 else Phrase("first_time")


def _time(facts: Facts) -> Phrase | None:
    return Phrase("time", {"time": facts.time_of_day}) if facts.time_of_day else None


def _weather(facts: Facts) -> Phrase | None:
    setting = facts.text("setting")
    given = facts.value("weather") is not None or facts.value("temperature") is not None
    return Phrase("weather", {"setting": setting}) if setting and given else None


_TELLERS: Mapping[str, Callable[[Facts], Phrase | None]] = {
    "taste": _taste, "neighborhood": _neighborhood, "people": _people, "path": _path, "authenticity": _authenticity,
    "crowd": _crowd, "hidden": _hidden, "price": _price, "popularity": _popularity, "quality": _quality,
    "novelty": _novelty, "distance": _distance, "own": _own, "time": _time, "weather": _weather,
}  # fmt: skip
