"""Numbers in a text, in digits and in words, with their units."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
_FIXED: dict[Language, tuple[tuple[str, float, str], ...]] = {
    "en": (
        ("three quarters of an hour", 45, "minute"), ("a quarter of an hour", 15, "minute"),
        ("quarter of an hour", 15, "minute"), ("half an hour", 30, "minute"), ("an hour", 60, "minute"),
        ("a minute", 1, "minute"), ("once", 1, "time"), ("twice", 2, "time"), ("thrice", 3, "time"),
        ("half", 50, "share"),
        *(
            (f"{count} {part}", 100 * number / whole, "share")
            for part, whole in (("quarter", 4), ("third", 3), ("fifth", 5), ("sixth", 6), ("eighth", 8), ("tenth", 10))
            for count, number in (("a", 1), ("one", 1))
        ),
        ("two thirds", 200 / 3, "share"), ("three quarters", 75, "share"), ("two fifths", 40, "share"),
        ("three fifths", 60, "share"), ("four fifths", 80, "share"), ("nine tenths", 90, "share"),
    ),
    "tr": (
        ("çeyrek saat", 15, "minute"), ("yarım saat", 30, "minute"), ("yarısı", 50, "share"),
        *(
            (f"{whole} biri", 100 / number, "share")
            for whole, number in (("üçte", 3), ("dörtte", 4), ("beşte", 5), ("altıda", 6), ("sekizde", 8), ("onda", 10))
        ),
        ("üçte ikisi", 200 / 3, "share"), ("dörtte üçü", 75, "share"), ("beşte ikisi", 40, "share"),
        ("beşte üçü", 60, "share"), ("beşte dördü", 80, "share"), ("onda dokuzu", 90, "share"),
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


def numbers_in(found: Sequence[Token], language: Language) -> list[Told]:
    """Every number of a text; "one" and "bir" count only before a unit."""
    told: list[Told] = []
    at = 0
    while at < len(found):
        number = _fixed(found, at, language) or _measured(found, at, language)
        if number is None:
            at += 1
        else:
            told.append(number)
            at = number.end
    return told


def _fixed(found: Sequence[Token], at: int, language: Language) -> Told | None:
    for phrase, value, unit in _FIXED[language]:
        words = fold(phrase).split()
        there = [token.word for token in found[at : at + len(words)]]
        if there[:-1] == words[:-1] and (there == words or _is_form(there, words, language)):
            share = unit == "share"
            return Told(
                value, "percent" if share else unit, at, at + len(words), tolerance=_SHARE_TOLERANCE if share else 0.0
            )
    return None


def _is_form(there: list[str], words: list[str], language: Language) -> bool:
    return language == "tr" and len(there) == len(words) and words[-1] in forms(there[-1], language)


def _measured(found: Sequence[Token], at: int, language: Language) -> Told | None:
    value, end = _value(found, at, language)
    if end == at:
        return None
    about = any(
        token.word in vocabulary(language).abouts for token in (*found[max(0, at - 2) : at], *found[end + 1 : end + 3])
    )
    scale, after = _scale(found, end, language)
    if scale is not None:
        if language == "tr" and found[end].word in ("uzerinden", "yerden"):
            scale, value = value, scale
        return Told(value, f"of {scale:g}", at, after, about)
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
    """The other number of "X of Y", "X/Y" and "Y üzerinden X"."""
    for joint in (["out", "of"], ["of"], ["in"], ["/"]) if language == "en" else (["uzerinden"], ["yerden"], ["/"]):
        if [token.word for token in found[end : end + len(joint)]] == joint:
            start = end + len(joint)
            scale, after = _value(found, start, language)
            if after > start:
                return scale, after
    return None, end


def _value(found: Sequence[Token], at: int, language: Language) -> tuple[float, int]:
    """A plain number that begins at a token, and where it ends: the same token where there is none."""
    if at < len(found) and found[at].is_number:
        digits = found[at].word.split("'")[0].replace(",", ".")
        return (float(digits) if digits.count(".") <= 1 and ":" not in digits else math.nan), at + 1
    total, part, start = 0.0, 0.0, at
    small, big, times = _SMALL[language], _BIG[language], _TIMES[language]
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
