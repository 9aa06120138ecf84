"""Does a text tell only facts? A closed world: every word, name and number of it must be allowed.

Nothing is understood here. A text passes if all its words are in a small vocabulary of words that claim nothing, or in
phrases whose claim follows from a fact; if every number is a fact's, in its unit and beside what it counts; and if
every name is one of the names. Anything else is refused, a true text sometimes, too: the caller has a template.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from hidden_gems.client.facts import TYPES, Facts, Number, claim, numbers
from hidden_gems.client.numerals import Told, numbers_in
from hidden_gems.client.signs import MARKUP, Kind, Reason, plain, usual
from hidden_gems.client.words import (
    Language,
    Token,
    Vocabulary,
    fold,
    forms,
    instructions,
    is_ending,
    suspicious,
    tokens,
    vocabulary,
)  # fmt: skip

_BREAKS = frozenset({"but", "and", "ama", "ve"})
_RATIOS = {f"of {scale}": scale for scale in (2, 3, 4, 5, 10)}
"""Scales of a share: "four in ten"."""
_ONLY = frozenset({"only", "sadece", "yalnizca", "yalniz"})
_CAPITALS = frozenset({"i", "istanbul"})
_DESCRIBED = frozenset({*TYPES, "indoor", "outdoor"})
"""Claims that a description may carry as well."""


@dataclass(frozen=True)
class Verdict:
    """What the checker says of a text."""

    reasons: tuple[Reason, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it may be shown."""
        return not self.reasons


def check_text(text: str, facts: Facts, language: Language | None = None) -> Verdict:
    """Check a text about one gem.

    Args:
        text: Plain, one line, at most 600 letters.
        facts: What may be told.
        language: It must be in; the likelier of both where none is given.

    Returns:
        Every reason to refuse it, none where it may be shown.

    Examples:
        >>> facts = Facts(("Küflü Kitap", "Balat"), {"type": "bookshop", "travel_minutes": 12, "crowd_level": 0.2})
        >>> check_text("Küflü Kitap is a quiet bookshop in Balat, twelve minutes away.", facts).ok
        True
        >>> check_text("Balat'taki Küflü Kitap ücretsiz.", facts).reasons
        (Reason(kind='claim', span='ücretsiz', start=23),)
    """
    text = unicodedata.normalize("NFC", text.strip())
    odd = plain(text, facts)
    if odd:
        return Verdict(tuple(odd))
    reading = _Reading(text, facts, language or _language_of(text, facts))
    return Verdict(tuple(sorted(reading.reasons(), key=lambda reason: reason.start)))


def _language_of(text: str, facts: Facts) -> Language:
    known = {}
    for language in ("tr", "en"):
        words = vocabulary(language)
        free = _Reading(text, facts, language)
        known[language] = sum(bool(words.stems(token.word)) for token in free.tokens if token.is_word)
    return "tr" if known["tr"] > known["en"] else "en"


@dataclass
class _Reading:
    """One text in one language, read against the facts."""

    text: str
    facts: Facts
    language: Language
    tokens: list[Token] = field(init=False)
    claims: dict[int, set[str]] = field(init=False)  # of each sentence
    _words: Vocabulary = field(init=False)
    _free: set[int] = field(init=False)  # tokens that nothing has explained yet
    _bound: set[int] = field(default_factory=set, init=False)  # tokens within a longer phrase

    def __post_init__(self) -> None:
        blanked, named = _without_names(self.text, self.facts, self.language)
        self.tokens = tokens(blanked, self.language)
        self.claims = {}
        for start, name in named:
            if name == self.facts.values.get("neighborhood"):
                before = [token.sentence for token in self.tokens if token.start < start]
                after = [token.sentence for token in self.tokens if token.start > start]
                self.claims.setdefault((after or before or [0])[0], set()).add("neighborhood")
        self._words = vocabulary(self.language)
        self._free = {at for at, token in enumerate(self.tokens) if token.is_word or token.is_number}

    def reasons(self) -> list[Reason]:
        """Every reason to refuse the text."""
        told = numbers_in(self.tokens, self.language)
        described = _described(self.facts.description, self.language)
        found = [self._reason("instruction", at) for at in sorted(self._free) if self.tokens[at].word in instructions()]
        found += self._phrases(described, told)
        found += self._numbers(told)
        found += [self._reason("name", at) for at in self._capitals()]
        found += [
            self._reason(self._unknown(at), at) for at in sorted(self._free) if not self._is_described(at, described)
        ]
        return list(dict.fromkeys(found))

    def _reason(self, kind: Kind, at: int, end: int | None = None) -> Reason:
        start, last = self.tokens[at].start, self.tokens[(end or at + 1) - 1].end
        return Reason(kind, self.text[start:last], start)

    def _phrases(self, described: frozenset[str], told: Sequence[Told]) -> list[Reason]:
        """Explain tokens by phrases; the claims that no fact carries are reasons."""
        found: list[Reason] = []
        stems = [self._words.stems(token.word) or {token.word} for token in self.tokens]
        starts = {number.start for number in told}
        at = 0
        while at < len(self.tokens):
            best = next(self._words.matches(stems, at), None) if at in self._free else None
            if best is None or (at in starts and best[-1] is None):
                at += 1
                continue
            length, letters, name = best
            found_names = [each for *size, each in self._words.matches(stems, at) if size == [length, letters]]
            names = {each for each in found_names if each is not None}
            if (
                name is not None
                and not self._holds(names, at, length, told)
                and not self._is_described(at, described, name)
            ):
                found.append(self._reason("claim", at, at + length))
            if self.tokens[at].word in _ONLY and not starts & set(range(at + 1, at + 7)):
                found.append(self._reason("claim", at))
            self._free -= set(range(at, at + length))
            self._bound |= set(range(at, at + length)) if length > 1 else set()
            at += length
        return found

    def _holds(self, names: set[str], at: int, length: int, told: Sequence[Told]) -> bool:
        """Whether one of the claims that a phrase may make is carried, turned round by a "not" beside it."""
        sentence, turned = self.tokens[at].sentence, self._is_turned(at, at + length)
        carried = {name for name in names if claim(name, self.facts) is (not turned)}
        if "visitors" in names and self._counts_visitors(told, sentence):
            carried.add("visitors")
        if not turned:
            self.claims.setdefault(sentence, set()).update(carried)
        return bool(carried)

    def _is_turned(self, start: int, end: int) -> bool:
        """Whether a "not" stands up to three words before a phrase, in Turkish a "değil" up to two behind it."""
        around = range(start - 1, max(-1, start - 4), -1) if self.language == "en" else range(end, end + 2)
        for place in around:
            if place >= len(self.tokens) or not self.tokens[place].is_word or self.tokens[place].word in _BREAKS:
                return False
            if self.tokens[place].word in self._words.nots:
                return place not in self._bound
        return False

    def _counts_visitors(self, told: Sequence[Told], sentence: int) -> bool:
        ratio = self.facts.number("tourist_ratio")
        return ratio is not None and any(
            number.unit == "percent" and abs(number.value - 100.0 * ratio) <= 0.5
            for number in told
            if self.tokens[number.start].sentence == sentence
        )

    def _numbers(self, told: Sequence[Told]) -> list[Reason]:
        known = numbers(self.facts)
        found = []
        for number in told:
            places = set(range(number.start, number.end))
            if not any(_is_told(number, fact, self._beside(number)) for fact in known) and self._free & places:
                found.append(self._reason("number", number.start, number.end))
            self._free -= places
        return found

    def _beside(self, number: Told) -> set[str]:
        """Claims of a number's sentence and of the one before it, which "there" may point at."""
        sentence = self.tokens[number.start].sentence
        return self.claims.get(sentence, set()) | self.claims.get(sentence - 1, set())

    def _capitals(self) -> list[int]:
        """Words within a sentence that are written like names and are none."""
        return [
            at
            for at, token in enumerate(self.tokens)
            if token.capital and not token.opens and not _CAPITALS & forms(token.word, self.language)
        ]

    def _unknown(self, at: int) -> Kind:
        token = self.tokens[at]
        return "number" if token.is_number else "name" if token.capital and not token.opens else "word"

    def _is_described(self, at: int, described: frozenset[str], name: str | None = None) -> bool:
        if name is not None and name not in _DESCRIBED:
            return False
        word = self.tokens[at].word
        lent = self.tokens[at].is_word and not _is_heavy(word, self.language)
        return lent and bool(forms(word, self.language) & described)


def _is_told(told: Told, fact: Number, claims: set[str]) -> bool:
    if told.unit in _RATIOS and fact.unit == "percent":
        told = replace(
            told, value=100.0 * told.value / _RATIOS[told.unit], unit="percent", tolerance=50.0 / _RATIOS[told.unit]
        )
    if told.unit != fact.unit and not (told.unit is None and fact.bare):
        return False
    if not all(group & claims for group in fact.beside):
        return False
    apart = abs(told.value - fact.value)
    if told.about and told.unit == "minute" and told.value % 5 == 0:
        return apart <= 2.5
    return apart <= max(told.tolerance, fact.tolerance) + 1e-9


def _without_names(text: str, facts: Facts, language: Language) -> tuple[str, list[tuple[int, str]]]:
    """The text with its names as blanks, and where they stood."""
    folded, found = fold(text), []
    for name in sorted({*_names(facts), *_own_words(facts)}, key=len, reverse=True):
        pattern = r"\s+".join(re.escape(part) for part in fold(name).replace("’", "'").split())
        for match in re.finditer(rf"(?<!\w){pattern}(?!\w)(?:['’](\w+))?", folded.replace("’", "'")):
            start, end = match.span()
            written = text[start].isupper() or not name[0].isupper()
            if text[start:end].strip() and written and (not match[1] or is_ending(match[1], language)):
                found.append((start, name))
                text = text[:start] + " " * (end - start) + text[end:]
                folded = folded[:start] + " " * (end - start) + folded[end:]
    return text, found


def _names(facts: Facts) -> list[str]:
    """All names, and both parts of one with brackets: an ending goes before them."""
    parts = [part.strip(" )") for name in facts.names if "(" in name for part in name.split("(")]
    return [name for name in (*facts.names, *parts) if name]


def _own_words(facts: Facts) -> list[str]:
    """A type of the data set's own, which no vocabulary knows."""
    kind = facts.values.get("type")
    return [kind] if isinstance(kind, str) and kind not in TYPES else []


@lru_cache(maxsize=256)
def _described(description: str, language: Language) -> frozenset[str]:
    """Stems of the plain words of a description, up to the first sentence that speaks to its reader."""
    if MARKUP.search(description):
        return frozenset()
    found = tokens(unicodedata.normalize("NFC", description), language)
    odd = [token.sentence for token in found if token.word in suspicious() or not usual(token.word[0])]
    kept = [token for token in found if token.sentence < min(odd, default=len(found))]
    plain = [token for token in kept if token.is_word and (token.opens or not token.capital)]
    lent = [forms(token.word, language) for token in plain if not _is_heavy(token.word, language)]
    return frozenset(form for each in lent for form in each if len(form) > 2)


def _is_heavy(word: str, language: Language) -> bool:
    """Whether a word says too much to be taken from a description: safe, closed, the oldest."""
    superlative = language == "en" and len(word) > 5 and word.endswith("est")
    return superlative or bool(forms(word, language) & vocabulary(language).unlent)
