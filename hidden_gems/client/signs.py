"""What a text is made of: letters, plain signs, no markup."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from hidden_gems.client.facts import Facts

Kind = Literal["empty", "length", "characters", "markup", "instruction", "name", "number", "claim", "word"]

MOST_LETTERS = 600
_NEVER = frozenset("<>[]{}|\\`")  # not even in a name
_SIGNS = frozenset(" .,;:!?'’‘\"“”()–—-…%/+")
MARKUP = re.compile(r"https?:|www\.|\w\.[^\W\d_]|&\w+;|//", re.IGNORECASE)


@dataclass(frozen=True)
class Reason:
    """Why a text is refused."""

    kind: Kind
    span: str  # of the text
    start: int


def plain(text: str, facts: Facts) -> list[Reason]:
    """Reasons that lie in the signs of a text."""
    if not text:
        return [Reason("empty", "", 0)]
    if len(text) > MOST_LETTERS:
        return [Reason("length", text[:20], 0)]
    letters = frozenset(letter for name in facts.names for letter in unicodedata.normalize("NFC", name))
    named = frozenset(letter for letter in letters if letter.isprintable() and letter not in _NEVER)
    strange = [Reason("characters", sign, at) for at, sign in enumerate(text) if sign not in named and not usual(sign)]
    without = text
    for name in facts.names:
        without = without.replace(name, " " * len(name))
    marked = [Reason("markup", match.group(), match.start()) for match in MARKUP.finditer(without)]
    return strange + [reason for reason in marked if not without[reason.start].isdigit()]


@lru_cache(maxsize=1024)
def usual(sign: str) -> bool:
    """Whether a sign is a Latin letter, a digit or plain punctuation, and written the usual way."""
    if sign in _SIGNS or sign in "0123456789":
        return True
    latin = sign.isalpha() and unicodedata.name(sign, "").startswith("LATIN")
    return latin and unicodedata.normalize("NFKC", sign) == sign
