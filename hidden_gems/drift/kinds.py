"""Rows of the types of gems for a memory of fixed size."""

import hashlib

from hidden_gems.datasets.contract import GEM_TYPES

KINDS = 1 + len(GEM_TYPES)
_ROWS = {word: row for row, word in enumerate(GEM_TYPES, start=1)}


def kind_of(word: str) -> int:
    """Row of a type, 1 to `KINDS` - 1; 0 for none; words that are no type of the contract share its rows by a hash.

    Examples:
        >>> kind_of("cafe"), kind_of(""), kind_of("lighthouse") == kind_of("lighthouse")
        (1, 0, True)
    """
    if not word:
        return 0
    if word in _ROWS:
        return _ROWS[word]
    digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "little") % len(GEM_TYPES)


def word_of(kind: int) -> str:
    """The type of the contract in a row; empty for row 0.

    Examples:
        >>> word_of(kind_of("cafe")), word_of(0)
        ('cafe', '')
    """
    return GEM_TYPES[kind - 1] if kind else ""
