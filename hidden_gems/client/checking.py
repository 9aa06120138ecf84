"""Does a text tell only facts? A closed world: every word, name and number of it must be allowed.

Nothing is understood here. A text passes if all its words are in a small vocabulary of words that claim nothing, or in
phrases whose claim follows from a fact; if every number is a fact's, in its unit and beside what it counts; and if
every name is one of the names. Anything else is refused, a true text sometimes, too: the caller has a template.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from hidden_gems.client.deeds import is_own_deed
from hidden_gems.client.facts import TYPES, Facts, Number, claim, numbers
from hidden_gems.client.lending import Named, is_heavy, lent, without_names
from hidden_gems.client.numerals import Told, numbers_in
from hidden_gems.client.signs import Kind, Reason, plain
from hidden_gems.client.telling import is_told
from hidden_gems.client.words import Language, Token, Vocabulary, forms, instructions, tokens, vocabulary

_BREAKS = frozenset({"but", "and", "ama", "ve"})
_ONLY = frozenset({"only", "sadece", "yalnizca", "yalniz"})
_CAPITALS = frozenset({"i", "istanbul", "turkish", "turk"})
_FAR = frozenset({("far", "from"), ("anything", "but")})
"""Words that turn a claim round as "not" does."""
_MENTIONS = frozenset(
    {"weather", "price", "way", "rated", "editors", "this_kind", "neighborhood_word", "position", "unpretentious"}
)
"""What is only spoken of, so that no "not" turns it."""
_REACH = 3
_LIGHT = frozenset({"it", "to", "be", "that", "a", "an", "the", "this", "too", "very"})
"""Words that do not count on the way from a "not"."""
_LIKED = frozenset({"history", "similar", "been"})
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
    _named: list[Named] = field(init=False)
    _lent: frozenset[str] = field(init=False)
    _free: set[int] = field(init=False)  # tokens that nothing has explained yet
    _bound: set[int] = field(default_factory=set, init=False)  # tokens within a longer phrase

    def __post_init__(self) -> None:
        blanked, self._named = without_names(self.text, self.facts, self.language)
        self.tokens = tokens(blanked, self.language)
        self.claims = {}
        for named in self._named:
            if named.name == self.facts.values.get("neighborhood"):
                before = [token.sentence for token in self.tokens if token.start < named.start]
                after = [token.sentence for token in self.tokens if token.start > named.start]
                self.claims.setdefault((after or before or [0])[0], set()).add("neighborhood")
        self._words = vocabulary(self.language)
        self._lent = lent(self.facts, self.language)
        self._free = {at for at, token in enumerate(self.tokens) if token.is_word or token.is_number}

    def reasons(self) -> list[Reason]:
        """Every reason to refuse the text."""
        told = numbers_in(self.tokens, self.language)
        found = self._phrases(told)
        found += [self._reason("instruction", at) for at in self._instructions()]
        found += self._numbers(told)
        found += [self._reason("name", at) for at in self._capitals()]
        strange = [
            at for at in sorted(self._free) if not (self._is_lent(at) or is_own_deed(self.tokens, at, self.language))
        ]
        found += [self._reason(self._unknown(at), at) for at in strange]
        return list(dict.fromkeys(found))

    def _instructions(self) -> list[int]:
        """Words to a reader or a model, but not where a phrase makes them harmless: "forget the time"."""
        words = instructions()
        return [at for at, token in enumerate(self.tokens) if token.word in words and at not in self._bound]

    def _reason(self, kind: Kind, at: int, end: int | None = None) -> Reason:
        start, last = self.tokens[at].start, self.tokens[(end or at + 1) - 1].end
        return Reason(kind, self.text[start:last], start)

    def _phrases(self, told: Sequence[Told]) -> list[Reason]:
        """Explain tokens by phrases; the claims that no fact carries are reasons."""
        found: list[Reason] = []
        stems = [self._words.stems(token.word) or {token.word} for token in self.tokens]
        numbered = {number.start: number.end - number.start for number in told}
        at = 0
        while at < len(self.tokens):
            fitting = list(self._words.matches(stems, at)) if at in self._free else []
            if not fitting or (fitting[0][-1] is None and fitting[0][0] <= numbered.get(at, 0)):
                at += 1
                continue
            length, letters, name = fitting[0]
            names = {each for *size, each in fitting if size == [length, letters]}
            harmless = None in names or self._is_lent(at, name)
            if name is not None and not self._holds(names, at, length, told, stems) and not harmless:
                found.append(self._reason("claim", at, at + length))
            if length == 1 and self.tokens[at].word in _ONLY and not numbered.keys() & set(range(at + 1, at + 7)):
                found.append(self._reason("claim", at))
            self._free -= set(range(at, at + length))
            self._bound |= set(range(at, at + length)) if length > 1 else set()
            at += length
        return found

    def _holds(self, given: set[str | None], at: int, length: int, told: Sequence[Told], stems: list[set[str]]) -> bool:
        """Whether one of the claims that a phrase may make is carried, turned round by a "not" beside it."""
        names = {name for name in given if name is not None}
        sentence, turned = self.tokens[at].sentence, self._is_turned(at, at + length, stems)
        if names & _LIKED and self.tokens[at + length - 1].word in self._words.likings:
            names = self._of_whom(names, at, length)
        carried = {name for name in names if claim(name, self.facts) is (not turned or name in _MENTIONS)}
        if "visitors" in names and self._counts_visitors(told, sentence):
            carried.add("visitors")
        self.claims.setdefault(sentence, set()).update(carried & _MENTIONS if turned else carried)
        return bool(carried)

    def _of_whom(self, names: set[str], at: int, length: int) -> set[str]:
        """Claims of "you liked" beside the name that it tells of: a place liked before, or this gem."""
        start, end = self.tokens[at].start, self.tokens[at + length - 1].end
        if self.language == "en":
            beside = [named for named in self._named if named.start >= end and not self.text[end : named.start].strip()]
        else:
            clause = max(self.text.rfind(sign, 0, start) for sign in ",;:.!?")
            beside = [named for named in reversed(self._named) if clause < named.start < start]
        if not beside or beside[0].name == self.facts.values.get("neighborhood"):
            return names
        mine = beside[0].name == self.facts.names[0]
        return {"been"} if mine else names | {"similar"}

    def _is_turned(self, start: int, end: int, stems: list[set[str]]) -> bool:
        """Whether a "not" stands up to three words before a phrase, in Turkish a "değil" up to two behind it."""
        around = range(start - 1, -1, -1) if self.language == "en" else range(end, end + 2)
        passed = 0
        for place in around:
            if passed == _REACH or place >= len(self.tokens) or not self.tokens[place].is_word:
                return False
            passed += self.tokens[place].word not in _LIGHT
            if place and (self.tokens[place - 1].word, self.tokens[place].word) in _FAR and place not in self._bound:
                return True
            if self.tokens[place].word in _BREAKS:
                return False
            if self.tokens[place].word in self._words.nots:
                return place not in self._bound and not self._is_idiom(range(end, place), place, stems)
        return False

    def _is_idiom(self, starts: range, place: int, stems: list[set[str]]) -> bool:
        """Whether a phrase that begins at one of the tokens holds the token at a place: "boşuna değil"."""
        return any(start + next(self._words.matches(stems, start), (0,))[0] > place for start in starts)

    def _counts_visitors(self, told: Sequence[Told], sentence: int) -> bool:
        ratio = self.facts.number("tourist_ratio")
        share = Number("tourist_ratio", 100.0 * (ratio or 0.0), "percent")
        counted = [number for number in told if self.tokens[number.start].sentence == sentence]
        return ratio is not None and any(is_told(number, share, set()) for number in counted)

    def _numbers(self, told: Sequence[Told]) -> list[Reason]:
        known = numbers(self.facts)
        found = []
        for number in told:
            places = set(range(number.start, number.end))
            if not any(is_told(number, fact, self._beside(number)) for fact in known) and self._free & places:
                found.append(self._reason("number", number.start, number.end))
            self._free -= places
        return found

    def _beside(self, number: Told) -> set[str]:
        """Claims of a number's sentence and of the one before it, which "there" may point at."""
        sentence = self.tokens[number.start].sentence
        return self.claims.get(sentence, set()) | self.claims.get(sentence - 1, set())

    def _capitals(self) -> list[int]:
        """Words within a sentence that are written like names and are none."""
        found = [at for at, token in enumerate(self.tokens) if token.capital and not token.opens]
        lent = self._words.peoples & self._lent
        return [at for at in found if not (_CAPITALS | lent) & forms(self.tokens[at].word, self.language)]

    def _unknown(self, at: int) -> Kind:
        token = self.tokens[at]
        return "number" if token.is_number else "name" if token.capital and not token.opens else "word"

    def _is_lent(self, at: int, name: str | None = None) -> bool:
        """Whether a description or a name has a word, and may carry the claim that it makes."""
        if name is not None and name not in _DESCRIBED:
            return False
        word = self.tokens[at].word
        light = self.tokens[at].is_word and not is_heavy(word, self.language)
        return light and bool(forms(word, self.language) & self._lent)
