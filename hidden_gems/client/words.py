"""Words of a text: folded letters, tokens, stems, and the vocabulary of a language."""

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Literal

Language = Literal["en", "tr"]

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*(?:['’][^\W\d_]+)?|[^\W\d_]+(?:['’][^\W\d_]+)*|[^\s]")
_ENDS = frozenset(".!?…")
_OPENS = frozenset('.!?…:“"(–—')
_CONTRACTED = {"won't": "will not", "can't": "can not", "let's": "let"}
_TURKISH_SUFFIX = (
    "lar|ler|imiz|umuz|iniz|unuz|im|um|in|un|i|u|si|su|m|n|miz|muz|niz|nuz|a|e|ya|ye|na|ne|yi|yu|ni|nu|nin|nun|da|de|"
    "ta|te|nda|nde|dan|den|tan|ten|ndan|nden|la|le|yla|yle|ki|ca|ce|mak|mek|ma|me|iyor|uyor|yor|ar|er|ir|ur|r|di|du|"
    "ti|tu|mis|mus|acak|ecek|yacak|yecek|acag|eceg|yacag|yeceg|sa|se|ip|up|yip|yup|arak|erek|yarak|yerek|an|en|yan|yen|dig|dug|"
    "tig|tug|dik|duk|tik|tuk|abil|ebil|yabil|yebil|ali|eli|alim|elim|sin|sun|siniz|sunuz|dir|dur|tir|tur|il|ul|ken|"
    "inca|ince|mali|meli|lik|luk|ysa|yse|ydi|ydu|ymis|ymus|"
    "yalim|yelim|yayim|yeyim|ayim|eyim|maz|mez|madan|meden|dikca|dikce|dukca|yken|li|lu|iver|uver|yiver|yuver"
)
_TURKISH_ENDING = re.compile(rf"(?:{_TURKISH_SUFFIX}){{0,5}}")
_SHORT_STEMS = frozenset({"ol", "et", "al", "uy", "is", "su", "ne", "bu", "an"})
_LISTS = ("nots", "abouts", "degrees", "instructions", "suspicious", "unlent", "peoples", "likings", "apart")
_HARDENED = str.maketrans("bdg", "ptk")


def fold(text: str) -> str:
    """Small letters without marks, one for each letter: İ, I and ı are i, ş is s, â is a.

    Examples:
        >>> fold("KADIKÖY'e, Çiya")
        "kadikoy'e, ciya"
    """
    return "".join(_folded(letter) for letter in unicodedata.normalize("NFC", text))


@lru_cache(maxsize=4096)
def _folded(letter: str) -> str:
    return "i" if letter == "ı" else unicodedata.normalize("NFD", letter)[0].lower()


@dataclass(frozen=True)
class Token:
    """One word, number or sign of a text."""

    word: str  # folded; an ending behind an apostrophe is cut off
    start: int
    end: int
    sentence: int
    opens: bool  # stands where any word is written with a capital
    capital: bool

    @property
    def is_word(self) -> bool:
        """Whether it is made of letters."""
        return self.word[0].isalpha()

    @property
    def is_number(self) -> bool:
        """Whether it is made of digits."""
        return self.word[0].isdigit()


def tokens(text: str, language: Language) -> list[Token]:
    """Words, numbers and signs in their order; English contractions are taken apart."""
    found: list[Token] = []
    sentence, opens = 0, True
    for match in _TOKEN.finditer(text):
        raw = match.group()
        if raw == "-" and text[match.end() : match.end() + 1].isalpha():
            continue  # well-known is two words
        for word in _parts(fold(raw), language):
            found.append(Token(word, match.start(), match.end(), sentence, opens, raw[0].isupper()))
        if raw in _ENDS:
            sentence += 1
        opens = raw in _OPENS
    return found


def _parts(word: str, language: Language) -> list[str]:
    word = word.replace("’", "'")
    if "'" not in word or word == "'":
        return [word]
    if language == "en":
        if word in _CONTRACTED:
            return _CONTRACTED[word].split()
        return [word[:-3], "not"] if word.endswith("n't") else [word.split("'")[0]]
    base, ending = word.split("'", 1)
    return [base] if is_ending(ending, "tr") else [base, ending]


def is_ending(letters: str, language: Language) -> bool:
    """Whether letters behind an apostrophe are an ending of the language."""
    folded = fold(letters)
    return folded == "s" if language == "en" else bool(_TURKISH_ENDING.fullmatch(folded))


@dataclass(frozen=True)
class Vocabulary:
    """Phrases that may be used, each with the claim it makes; None is no claim."""

    language: Language
    phrases: dict[str, list[tuple[tuple[str, ...], str | None]]]  # by first word, longest first
    words: frozenset[str]  # of all phrases
    nots: frozenset[str]  # turn a claim round
    abouts: frozenset[str]  # make a number a round one
    degrees: frozenset[str]  # may stand within a phrase
    instructions: frozenset[str]  # to a reader or a model: never told
    suspicious: frozenset[str]  # a description that has one is no longer believed
    unlent: frozenset[str]  # claims too heavy for a description to carry
    apart: frozenset[str]  # words that are no forms of shorter ones, whatever they look like
    likings: frozenset[str]  # verbs that tell of the name beside them: "you liked"
    peoples: frozenset[str]  # names that a description may carry: of peoples and of waters
    kinds: dict[str, frozenset[str]]  # common nouns that a part of a name stands for, by that part

    def stems(self, word: str) -> set[str]:
        """Words of the vocabulary that a word of a text may be a form of."""
        least = max((len(stem) for stem in forms(word, self.language) & self.apart), default=0)
        return {stem for stem in forms(word, self.language) & self.words if len(stem) >= least}

    def matches(self, words: list[set[str]], at: int) -> Iterator[tuple[int, int, str | None]]:
        """Words, letters and claim of the phrases that begin at a place, the nearest first: those with most of both."""
        found = []
        for first in words[at]:
            for phrase, claim in self.phrases.get(first, ()):
                length = self._length(phrase, words, at)
                if length:
                    found.append((-length, -sum(map(len, phrase)), claim is None, claim))
        yield from ((-length, -size, claim) for length, size, _, claim in sorted(found, key=lambda each: each[:3]))

    def _length(self, phrase: tuple[str, ...], words: list[set[str]], at: int) -> int:
        """Words that a phrase takes at a place, with "very" and its like within it; 0 where it is not there."""
        place = at
        for number, part in enumerate(phrase):
            while number and place < len(words) and part not in words[place] and words[place] & self.degrees:
                place += 1
            if place >= len(words) or part not in words[place]:
                return 0
            place += 1
        return place - at


@lru_cache(maxsize=8192)
def forms(word: str, language: Language) -> frozenset[str]:
    """Stems that a word may come from, itself among them."""
    return _english(word) if language == "en" else _turkish(word)


def _english(word: str) -> frozenset[str]:
    found = {word}
    for ending, stems in (
        ("ies", ("y",)),
        ("ful", ("",)),
        ("es", ("", "e")),
        ("s", ("",)),
        ("ed", ("", "e")),
        ("ing", ("", "e")),
        ("ly", ("",)),
    ):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            base = word[: -len(ending)]
            found |= {base + stem for stem in stems}
            if len(base) > 3 and base[-1] == base[-2] and "e" in stems:
                found.add(base[:-1])
    return frozenset(found)


def _turkish(word: str) -> frozenset[str]:
    found = {word}
    for cut in range(2, len(word)):
        if (cut > 2 or word[:2] in _SHORT_STEMS) and _TURKISH_ENDING.fullmatch(word, cut):
            found |= {word[:cut], word[: cut - 1] + word[cut - 1].translate(_HARDENED)}
            if word.startswith(("iyor", "uyor"), cut):
                found |= {word[:cut] + "a", word[:cut] + "e"}  # başla-, başlıyor
    return frozenset(found)


@lru_cache(maxsize=2)
def vocabulary(language: Language) -> Vocabulary:
    """The vocabulary of a language, read from package data."""
    file = resources.files(__package__).joinpath("vocabulary", f"{language}.toml")
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    phrases: dict[str, list[tuple[tuple[str, ...], str | None]]] = {}
    harmless = ((None, entries) for entries in table["harmless"].values())
    for claim, entries in (*harmless, *table["claims"].items()):
        for entry in entries.split(","):
            words = tuple(token.word for token in tokens(entry.strip(), language))
            if words:
                phrases.setdefault(words[0], []).append((words, claim))
    known = frozenset(part for entries in phrases.values() for phrase, _ in entries for part in phrase)
    lists = {name: frozenset(fold(table[name]).split()) for name in _LISTS}
    lists["apart"] |= lists["peoples"]
    kinds = {part: frozenset(fold(words).split()) for part, words in table["kinds"].items()}
    return Vocabulary(language, phrases, known, **lists, kinds=kinds)


def instructions() -> frozenset[str]:
    """Words to a reader or a model, in both languages."""
    return vocabulary("en").instructions | vocabulary("tr").instructions


def suspicious() -> frozenset[str]:
    """Words after which a description is no longer believed, in both languages; instructions are among them."""
    return instructions() | vocabulary("en").suspicious | vocabulary("tr").suspicious
