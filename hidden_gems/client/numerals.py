"""Numbers in a text, in digits and in words, with their units."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from hidden_gems.client.words import Language, Token, fold, forms, vocabulary

Table = dict[str, float]


def _table(words: str, values: Sequence[int]) -> Table:
    return {fold(word): float(value) for word, value in zip(words.split(), values, strict=True)}


_TENS = range(10, 100, 10)
_SMALL: dict[Language, Table] = {
    "en": _table(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen once twice thrice",
        [*range(20), 1, 2, 3],
    ),
    "tr": _table("sıfır bir iki üç dört beş altı yedi sekiz dokuz", range(10)),
}
_BIG: dict[Language, Table] = {
    "en": _table("ten twenty thirty forty fifty sixty seventy eighty ninety", _TENS),
    "tr": _table("on yirmi otuz kırk elli altmış yetmiş seksen doksan", _TENS),
}
_TIMES: dict[Language, Table] = {
    "en": _table("hundred thousand million dozen", [100, 1_000, 1_000_000, 12]),
    "tr": _table("yüz bin milyon düzine", [100, 1_000, 1_000_000, 12]),
}
_COUNTS = ("two", "three", "four", "five", "six", "seven", "eight", "nine")
_WHOLES = (("ikide", 2), ("üçte", 3), ("dörtte", 4), ("beşte", 5), ("altıda", 6), ("sekizde", 8), ("onda", 10))
_PARTS = ("biri", "ikisi", "üçü", "dördü", "beşi", "altısı", "yedisi", "sekizi", "dokuzu")
_FIXED: dict[Language, tuple[tuple[str, float, str], ...]] = {
    "en": (
        ("three quarters of an hour", 45, "minute"), ("a quarter of an hour", 15, "minute"),
        ("quarter of an hour", 15, "minute"), ("half an hour", 30, "minute"), ("an hour", 60, "minute"),
        ("a minute", 1, "minute"), ("once", 1, "time"), ("twice", 2, "time"), ("thrice", 3, "time"),
        ("half", 50, "share"),
        ("an hour and a half", 90, "minute"), ("one and a half hours", 90, "minute"),
        *(
            (f"{count} {part}{'s' if above > 1 else ''}", 100 * above / below, "share")
            for below, part in ((4, "quarter"), (3, "third"), (5, "fifth"), (6, "sixth"), (8, "eighth"), (10, "tenth"))
            for count, above in (("a", 1), ("one", 1), *zip(_COUNTS, range(2, 10), strict=True))
            if above < below
        ),
    ),
    "tr": (
        ("çeyrek saat", 15, "minute"), ("yarım saat", 30, "minute"), ("yarısı", 50, "share"),
        *(
            (f"{whole} {part}", 100 * above / below, "share")
            for whole, below in _WHOLES
            for part, above in zip(_PARTS, range(1, 10), strict=True)
            if above < below
        ),
    ),
}  # fmt: skip
_SHARE_TOLERANCE = 3.0
"""Percent by which a share in words ("a quarter") may be off."""
_UNITS: dict[Language, dict[str, str]] = {
    "en": {
        "minute": "minute", "minutes": "minute", "min": "minute", "mins": "minute", "hour": "hour", "hours": "hour",
        "day": "day", "days": "day", "time": "time", "times": "time", "percent": "percent", "%": "percent",
        "like": "time", "likes": "time",
        "week": "week", "weeks": "week", "month": "month", "months": "month", "year": "year", "years": "year",
        "people": "person", "person": "person", "star": "of 5", "stars": "of 5", "metre": "metre", "metres": "metre",
        "meter": "metre", "meters": "metre", "km": "km", "kilometre": "km", "kilometres": "km", "lira": "lira",
    },
    "tr": {
        "dakika": "minute", "dk": "minute", "saat": "hour", "gun": "day", "kez": "time", "kere": "time",
        "defa": "time", "begeni": "time", "%": "percent", "hafta": "week", "ay": "month", "yil": "year",
        "kisi": "person", "yildiz": "of 5", "metre": "metre", "km": "km", "kilometre": "km", "lira": "lira",
    },
}  # fmt: skip
_JOINTS: dict[Language, tuple[list[str], ...]] = {
    "en": (["out", "of", "every"], ["out", "of"], ["of", "every"], ["of"], ["in", "every"], ["in"], ["/"]),
    "tr": (["uzerinden"], ["yerden"], ["/"]),
}
_SPANS = frozenset({"minute", "hour", "day", "week", "month"})
_ROUND_MINUTES = 2.5
"""Minutes by which "half an hour" may be off."""
_BOUNDS: dict[Language, dict[str, Literal["under", "over"]]] = {
    "en": {
        "under": "under", "below": "under", "within": "under", "less than": "under", "fewer than": "under",
        "no more than": "under", "at most": "under", "up to": "under", "over": "over", "more than": "over",
        "above": "over", "at least": "over", "just over": "over", "just under": "under",
    },
    "tr": {
        "en fazla": "under", "en çok": "under", "en az": "over", "az": "under", "kısa sürede": "under",
        "bile sürmez": "under", "bile sürmüyor": "under", "bile değil": "under", "kalmaz": "under",
        "kalmadan": "under", "varmadan": "under", "fazla": "over", "aşkın": "over", "çok": "over",
    },
}  # fmt: skip
"""Words before a number, in Turkish those of one word and with "bile" behind it."""
_ARTICLES = frozenset({"one", "bir"})


@dataclass(frozen=True)
class Told:
    """A number as a text tells it."""

    value: float  # NaN where digits are no plain number, as in 22:00
    unit: str | None
    start: int  # tokens
    end: int
    about: bool = False
    tolerance: float = 0.0
    bound: Literal["under", "over"] | None = None  # "under 20 minutes"


def numbers_in(found: Sequence[Token], language: Language) -> list[Told]:
    """Every number of a text; "one" and "bir" count only before a unit."""
    told: list[Told] = []
    at = 0
    while at < len(found):
        number = _fixed(found, at, language) or _measured(found, at, language)
        if number is None:
            at += 1
        else:
            told.append(replace(number, bound=_bound(found, number, language)))
            at = number.end
    return told


def _bound(found: Sequence[Token], number: Told, language: Language) -> Literal["under", "over"] | None:
    for words, bound in _folded_bounds(language):
        behind = language == "tr" and words[0] != "en"
        start = number.end if behind else number.start - len(words)
        if start >= 0 and [token.word for token in found[start : start + len(words)]] == words:
            return bound
    return None


@lru_cache(maxsize=2)
def _fixed_by_first(language: Language) -> dict[str, list[tuple[list[str], float, str]]]:
    """Fixed phrases by their first word; one of a single word may have endings."""
    table: dict[str, list[tuple[list[str], float, str]]] = {}
    for phrase, value, unit in _FIXED[language]:
        words = fold(phrase).split()
        table.setdefault(words[0], []).append((words, value, unit))
    return table


@lru_cache(maxsize=2)
def _folded_bounds(language: Language) -> list[tuple[list[str], Literal["under", "over"]]]:
    """Phrases of bounds, the longest first."""
    bounds = sorted(_BOUNDS[language].items(), key=lambda each: -len(each[0]))
    return [(fold(phrase).split(), bound) for phrase, bound in bounds]


def _fixed(found: Sequence[Token], at: int, language: Language) -> Told | None:
    table = _fixed_by_first(language)
    firsts = forms(found[at].word, language) if language == "tr" else (found[at].word,)
    for words, value, unit in (each for first in firsts for each in table.get(first, ())):
        there = [token.word for token in found[at : at + len(words)]]
        if there[:-1] == words[:-1] and (there == words or _is_form(there, words, language)):
            off = _SHARE_TOLERANCE if unit == "share" else _ROUND_MINUTES if unit == "minute" and value >= 15 else 0.0
            end = at + len(words)
            about = _is_about(found, at, end, language)
            return Told(value, "percent" if unit == "share" else unit, at, end, about, off)
    return None


def _is_about(found: Sequence[Token], at: int, end: int, language: Language) -> bool:
    words = (*found[max(0, at - 2) : at], *found[end : end + 2])
    return any(token.word in vocabulary(language).abouts for token in words)


def _is_form(there: list[str], words: list[str], language: Language) -> bool:
    return language == "tr" and len(there) == len(words) and words[-1] in forms(there[-1], language)


def _measured(found: Sequence[Token], at: int, language: Language) -> Told | None:
    value, end = _value(found, at, language)
    if end == at:
        return None
    about = _is_about(found, at, end + 1, language)
    scale, after = _scale(found, end, language)
    if scale is not None:
        if language == "tr" and found[end].word != "/":
            scale, value = value, scale
        every = language == "tr" and at > 0 and found[at - 1].word == "her"
        return Told(value, f"of {scale:g}", at - every, after, about)
    before, behind = found[at - 1].word if at else "", _unit(found[end].word, language) if end < len(found) else None
    if before in ("%", "yuzde"):
        return Told(value, "percent", at - 1, end, about)
    if end == at + 1 and found[at].word in _ARTICLES and behind in (None, "day", "week"):
        return None
    if behind is None:
        return Told(value, None, at, end, about)
    if behind == "hour":
        return Told(60.0 * value, "minute", at, end + 1, about)
    return Told(value, behind, at, end + 1, about)


def _unit(word: str, language: Language) -> str | None:
    units = _UNITS[language]
    if language == "en":
        return units.get(word)
    return next(
        (unit for stem, unit in units.items() if word == stem or (len(stem) > 2 and word.startswith(stem))), None
    )


def _scale(found: Sequence[Token], end: int, language: Language) -> tuple[float | None, int]:
    """The other number of "X of Y", "X places in Y", "X/Y", "Y üzerinden X" and "her Y yerden X"."""
    for joint in _JOINTS[language]:
        for between in (0, 1) if joint[0] == "in" else (0,):
            middle = end + between
            if [token.word for token in found[middle : middle + len(joint)]] == joint:
                start = middle + len(joint)
                scale, after = _value(found, start, language)
                counted = after < len(found) and _unit(found[after].word, language) in _SPANS
                if after > start and not (joint[0] == "in" and counted):
                    return scale, after
    if language == "tr" and end > 1 and found[end - 2].word == "her":
        for after in range(end + 1, min(end + 4, len(found))):
            part = next((stem for stem in forms(found[after].word, "tr") if stem in _SMALL["tr"]), None)
            if part is not None and found[after].word != part:
                return _SMALL["tr"][part], after + 1
    return None, end


def _value(found: Sequence[Token], at: int, language: Language) -> tuple[float, int]:
    """A plain number that begins at a token, and where it ends: the same token where there is none."""
    if at < len(found) and found[at].is_number:
        digits = found[at].word.split("'")[0].replace(",", ".")
        return (float(digits) if digits.count(".") <= 1 and ":" not in digits else math.nan), at + 1
    total, part, start = 0.0, 0.0, at
    small, big, times = _SMALL[language], _BIG[language], _TIMES[language]
    if language == "en" and [token.word in times for token in found[at : at + 2]] == [False, True]:
        at += found[at].word == "a"  # a hundred
    while at < len(found):
        word = found[at].word
        if language == "tr" and at and (at > start or found[at - 1].word in ("yuzde", "yerden")):
            word = next((stem for stem in sorted(forms(word, "tr")) if stem in small or stem in big), word)
        if word in small or word in big:
            part += small.get(word, big.get(word, 0.0))
        elif word in times and (at > start or language == "tr" or word == "dozen"):
            part = max(part, 1.0) * times[word]
            if times[word] >= 1_000:
                total, part = total + part, 0.0
        else:
            break
        at += 1
    return total + part, at
