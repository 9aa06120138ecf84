"""Names and words that the facts of a gem lend to a text about it."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from hidden_gems.client.facts import TYPES, Facts
from hidden_gems.client.signs import MARKUP, usual
from hidden_gems.client.words import Language, fold, forms, instructions, is_ending, suspicious, tokens, vocabulary

_PLACED = re.compile(r"\b(?:in|at|of|from|around|near)\s+$")
_LOCATIVE = re.compile(r"(?:[ds]?[dt][ae]n?|[dt][ae]ki\w*)")
_LEAST_SHORT = 4
"""Letters of a name without its kind: "Agora" of "Agora Meyhanesi"."""

_LEAST_TELLING = 5


@dataclass(frozen=True)
class Named:
    """A name where it stands in a text."""

    name: str  # as the facts have it
    start: int
    end: int


def without_names(text: str, facts: Facts, language: Language) -> tuple[str, list[Named]]:
    """The text with its names as blanks, and where they stood."""
    folded, found = fold(text), []
    short = _short(facts)
    for name in sorted({*_names(facts), *_own_words(facts), *short}, key=len, reverse=True):
        pattern = r"\s+".join(re.escape(part) for part in fold(name).replace("’", "'").split())
        for match in re.finditer(rf"(?<!\w){pattern}(?!\w)(?:['’](\w+))?", folded.replace("’", "'")):
            start, end = match.span()
            written = text[start].isupper() or not name[0].isupper()
            if name in short and (_PLACED.search(folded[:start]) or (match[1] and _LOCATIVE.fullmatch(match[1]))):
                continue  # a part of a name may be another place's
            if text[start:end].strip() and written and (not match[1] or is_ending(match[1], language)):
                found.append(Named(short.get(name, name), start, end))
                text = text[:start] + " " * (end - start) + text[end:]
                folded = folded[:start] + " " * (end - start) + folded[end:]
    return text, found


def lent(facts: Facts, language: Language) -> frozenset[str]:
    """Stems that a description and the gem's name lend."""
    return _described(facts.description, language) | _kinds(facts.names[:1], language)


def is_heavy(word: str, language: Language) -> bool:
    """Whether a word says too much to be taken from a description: safe, closed, the oldest."""
    superlative = language == "en" and len(word) > 5 and word.endswith("est")
    return superlative or bool(forms(word, language) & vocabulary(language).unlent)


def _names(facts: Facts) -> list[str]:
    """All names, and both parts of one with brackets: an ending goes before them."""
    parts = [part.strip(" )") for name in facts.names if "(" in name for part in name.split("(")]
    return [name for name in (*facts.names, *parts) if name]


def _short(facts: Facts) -> dict[str, str]:
    """Names without the word for what they are, by which people call a place."""
    known = vocabulary("tr").kinds.keys() | vocabulary("en").kinds.keys()
    parted = [(name, name.rpartition(" ")) for name in facts.names]
    return {
        first: name
        for name, (first, _, last) in parted
        if len(first) >= _LEAST_SHORT and fold(last) in known and first not in facts.names
    }


def _own_words(facts: Facts) -> list[str]:
    """A type of the data set's own, which no vocabulary knows."""
    kind = facts.values.get("type")
    return [kind] if isinstance(kind, str) and kind not in TYPES else []


def _kinds(names: tuple[str, ...], language: Language) -> frozenset[str]:
    """Common nouns that a name says: Gül Camii is a mosque."""
    kinds = vocabulary(language).kinds
    return frozenset(word for name in names for part in name.split() for word in kinds.get(fold(part), ()))


@lru_cache(maxsize=256)
def _described(description: str, language: Language) -> frozenset[str]:
    """Stems of the plain words of a description, up to the first sentence that speaks to its reader."""
    if MARKUP.search(description):
        return frozenset()
    peoples = vocabulary(language).peoples
    found = tokens(unicodedata.normalize("NFC", description), language)
    odd = [token.sentence for token in found if _speaks(token.word) or not usual(token.word[0])]
    kept = [token for token in found if token.sentence < min(odd, default=len(found))]
    plain = [
        token
        for token in kept
        if token.is_word and (token.opens or not token.capital or forms(token.word, language) & peoples)
    ]
    words = [forms(token.word, language) for token in plain if not is_heavy(token.word, language)]
    return frozenset(form for each in words for form in each if len(form) > 2)


def _speaks(word: str) -> bool:
    """Whether a word of a description speaks to its reader, in any of its forms where it is long enough to tell."""
    return word in suspicious() or any(word.startswith(each) for each in instructions() if len(each) >= _LEAST_TELLING)
