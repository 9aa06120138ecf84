"""What may be told of one gem: names, values, and the claims and numbers that follow from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hidden_gems.client.answers import Explanation, Item

Value = float | str | bool
Values = Mapping[str, Value]

TYPES = (
    "cafe", "bakery", "restaurant", "bar", "rooftop", "bookshop", "market", "craft", "historical", "museum", "gallery",
    "viewpoint", "garden", "waterfront", "nature", "hammam", "music", "street",
)  # fmt: skip
TIMES = ("morning", "afternoon", "evening", "night")
WEATHERS = ("clear", "partly_cloudy", "cloudy", "rain", "wind", "fog", "snow", "storm")
EVENINGS, EVENING_TYPES = ("evening", "night"), ("bar", "music")
NEAR_MINUTES, FAR_MINUTES, WALK_MINUTES, NEW_DAYS = 15.0, 30.0, 30.0, 60.0


@dataclass(frozen=True)
class Facts:
    """What a text about one gem may tell.

    Args:
        names: Every proper name that may stand in it: the gem, its neighborhood, places the person knows.
        values: By the names of the features and of the columns of `items`: `type`, `neighborhood`, `setting`,
            `best_time`, `time_of_day`, `weather` (words); `authenticity`, `tourist_ratio`, `crowd_level`, `type_share`,
            `neighborhood_share`, `conversion_rate` (0 to 1); `hidden_factor` (0 to 10), `price_level` (0 to 4),
            `item_average_rating` (1 to 5); `travel_minutes`, `freshness_days`; `own_visits`, `interactions_7d`,
            `interactions_total` (times liked); and true where it holds: `is_rare`, `similar` (to what the person
            liked), `people` (with their taste choose it), `path` (people who went where they went do), `newcomers`
            (like it), `wished` (its type was asked for), `stranger` (we know too little of the person); `position` (in
            the list, from 1, of a gem without a name).
            What is unknown is left out, and nothing may be said of it.
        description: Words of editors about the gem. It is data: common nouns and adjectives in it may be used, but it
            carries no name, number or claim, and nothing at all where it speaks to its reader.
    """

    names: tuple[str, ...] = ()
    values: Values = field(default_factory=dict)
    description: str = ""

    def number(self, name: str) -> float | None:
        """A value as a number, None where it is unknown."""
        value = self.values.get(name)
        return None if value is None or isinstance(value, str) else float(value)


@dataclass(frozen=True)
class Number:
    """A number that may be told, and beside which claims: one of each group stands in its sentence or before."""

    fact: str
    value: float
    unit: str
    beside: tuple[frozenset[str], ...] = ()
    bare: bool = False  # may stand without its unit
    tolerance: float = 0.5
    spoiled: frozenset[str] = frozenset()  # claims beside which it would tell something else


def facts_of(item: Item, explanation: Explanation | None = None, description: str = "") -> Facts:
    """The facts of a served gem.

    Args:
        item: Of an answer.
        explanation: Of the gem, from `:explain`; the one in the answer where none is given.
        description: Words of editors about it, which the caller has.

    Examples:
        >>> gem = Item(item_id="g7", position=0, score=0.8, propensity=0.4, impression_token="t", name="Küflü Kitap",
        ...            neighborhood="Balat", explanation=Explanation(facts={"travel_minutes": 12}))
        >>> facts_of(gem)
        Facts(names=('Küflü Kitap', 'Balat'), values={'neighborhood': 'Balat', 'travel_minutes': 12.0}, description='')
    """
    told = explanation or item.explanation or Explanation()
    own = {"type": item.type, "neighborhood": item.neighborhood, "authenticity": item.authenticity}
    names = (item.name, item.neighborhood, *(similar.name for similar in told.similar_items))
    values = {name: value for name, value in own.items() if value is not None} | told.facts
    if told.similar_items:
        values["similar"] = True
    return Facts(
        names=tuple(dict.fromkeys(name for name in names if name)),
        values=values,
        description=description,
    )


def claim(name: str, facts: Facts) -> bool | None:
    """Whether a claim holds, None where no fact says so.

    Args:
        name: Of the claim, as in the vocabulary.
        facts: Of the gem.
    """
    if name in TYPES:
        return _is(facts, name, "type")
    if name in TIMES:
        known = _is(facts, name, "time_of_day", "best_time")
        return True if known is None and name in EVENINGS and facts.values.get("type") in EVENING_TYPES else known
    if name in WEATHERS:
        return _is(facts, name, "weather")
    return _CLAIMS[name](facts)


def claims(facts: Facts) -> list[str]:
    """Every claim that holds, for whoever writes a text."""
    return [name for name in (*TYPES, *TIMES, *WEATHERS, *_CLAIMS) if claim(name, facts)]


def numbers(facts: Facts) -> list[Number]:
    """Every number that may be told."""
    found = []
    for name, (scale, unit, beside, digits) in _NUMBERS.items():
        value = facts.number(name)
        if value is not None:
            tolerance = 0.5 * 10.0**-digits
            spoiled = _SPOILED.get(name, frozenset())
            found.append(Number(name, scale * value, unit, beside, name in _BARE, tolerance, spoiled))
    tourists = facts.number("tourist_ratio")
    if tourists is not None:
        found.append(Number("tourist_ratio", 100.0 - 100.0 * tourists, "percent", (frozenset({"locals"}),)))
    return found


def _is(facts: Facts, word: str, *names: str) -> bool | None:
    known = [facts.values[name] for name in names if name in facts.values]
    return word in known if known else None


def _from(name: str, test: Callable[[float], bool]) -> Callable[[Facts], bool | None]:
    def holds(facts: Facts) -> bool | None:
        value = facts.number(name)
        return None if value is None else test(value)

    return holds


def _any(*names: str) -> Callable[[Facts], bool | None]:
    return lambda facts: any(facts.number(name) or 0 for name in names) or None


def _setting(*words: str) -> Callable[[Facts], bool | None]:
    return lambda facts: facts.values["setting"] in words if "setting" in facts.values else None


def _hidden(facts: Facts) -> bool | None:
    factor = facts.number("hidden_factor")
    return True if facts.number("is_rare") else None if factor is None else factor >= 5


def _walk(facts: Facts) -> bool | None:
    minutes = facts.number("travel_minutes")
    return (
        True
        if facts.values.get("type") in ("waterfront", "garden", "nature", "street")
        else (None if minutes is None else minutes <= WALK_MINUTES)
    )


_HISTORY = ("type_share", "neighborhood_share", "similar", "people", "own_visits")
_CLAIMS: Mapping[str, Callable[[Facts], bool | None]] = {
    "free": _from("price_level", lambda level: level == 0),
    "cheap": _from("price_level", lambda level: level <= 1),
    "moderate": _from("price_level", lambda level: 1 < level < 3),
    "pricey": _from("price_level", lambda level: level >= 3),
    "price": _from("price_level", lambda _: True),
    "paid": _from("price_level", lambda level: level > 0),
    "calm": _from("crowd_level", lambda level: level < 0.5),
    "lively": _from("crowd_level", lambda level: level >= 0.5),
    "locals": _from("tourist_ratio", lambda ratio: ratio < 0.5),
    "visitors": _from("tourist_ratio", lambda ratio: ratio >= 0.5),
    "hidden": _hidden,
    "famous": _from("hidden_factor", lambda factor: factor < 5),
    "likes": _any("interactions_7d", "interactions_total"),
    "week": _any("interactions_7d"),
    "rated": _from("item_average_rating", lambda _: True),
    "highly_rated": _from("item_average_rating", lambda rating: rating >= 4),
    "authentic": _from("authenticity", lambda share: share >= 0.5),
    "unpretentious": _from("authenticity", lambda share: share < 0.5),
    "editors": _from("authenticity", lambda _: True),
    "near": _from("travel_minutes", lambda minutes: minutes <= NEAR_MINUTES),
    "distant": _from("travel_minutes", lambda minutes: minutes > FAR_MINUTES),
    "way": _from("travel_minutes", lambda _: True),
    "walk": _walk,
    "new": _from("freshness_days", lambda days: days <= NEW_DAYS),
    "been": _from("own_visits", lambda visits: visits > 0),
    "first_time": _from("own_visits", lambda visits: visits == 0),
    "history": _any(*_HISTORY),
    "similar": _any("similar", "type_share"),
    "people": _any("people"),
    "path": _any("path"),
    "newcomers": _any("newcomers"),
    "wished": _any("wished"),
    "stranger": _any("stranger"),
    "feedback": _any("conversion_rate"),
    "weather": lambda facts: True if {"weather", "setting"} & facts.values.keys() else None,
    "indoor": _setting("indoor", "both"),
    "outdoor": _setting("outdoor", "both"),
    "this_kind": lambda facts: True if "type" in facts.values else None,
    "position": _any("position"),
    "tonight": lambda facts: claim("evening", facts) or claim("night", facts),
    "never": lambda _: None,
    "neighborhood_word": lambda facts: True if "neighborhood" in facts.values else None,
}

_TASTE = frozenset({"history"})
_NUMBERS: Mapping[str, tuple[float, str, tuple[frozenset[str], ...], int]] = {
    "travel_minutes": (1.0, "minute", (), 0),
    "type_share": (100.0, "percent", (_TASTE, frozenset({*TYPES, "this_kind"})), 0),
    "neighborhood_share": (100.0, "percent", (_TASTE, frozenset({"neighborhood", "neighborhood_word"})), 0),
    "authenticity": (100.0, "of 100", (frozenset({"authentic", "unpretentious", "editors"}),), 0),
    "tourist_ratio": (100.0, "percent", (frozenset({"visitors"}),), 0),
    "hidden_factor": (1.0, "of 10", (frozenset({"hidden", "famous"}),), 0),
    "price_level": (1.0, "of 4", (frozenset({"price"}),), 0),
    "item_average_rating": (1.0, "of 5", (frozenset({"rated", "highly_rated"}),), 1),
    "interactions_7d": (1.0, "time", (frozenset({"likes"}), frozenset({"week"})), 0),
    "interactions_total": (1.0, "time", (frozenset({"likes"}),), 0),
    "conversion_rate": (100.0, "percent", (frozenset({"feedback"}),), 0),
    "freshness_days": (1.0, "day", (frozenset({"new"}),), 0),
    "own_visits": (1.0, "time", (frozenset({"been"}),), 0),
    "position": (1.0, "place", (frozenset({"position"}),), 0),
}
"""Scale, unit, claims beside it, decimals."""
_SPOILED = {"interactions_total": frozenset({"week"})}
_BARE = ("item_average_rating", "position")
"""What is told without a unit: rated 4.6."""
