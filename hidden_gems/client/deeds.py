"""Unknown words that tell what the reader or the writer does, or how: a place claims nothing by them."""

import re
from collections.abc import Sequence

from hidden_gems.client.lending import is_heavy
from hidden_gems.client.words import Language, Token, forms, vocabulary

_BETWEEN = frozenset({"just", "still", "simply", "even", "really", "never"})
_WILLS = frozenset({"will", "would", "not"})
_AFTER_A_WISH = frozenset(
    {
        "a",
        "an",
        "the",
        "your",
        "yourself",
        "some",
        "into",
        "up",
        "off",
        "out",
        "on",
        "it",
        "around",
        "over",
        "down",
        "back",
    }
)
_NO_WISH = ("ing", "ion", "s", "ed", "ment", "er", "or", "est")
_NO_DEED = ("ed", "s")
_SHORT_ADVERB = 6
_TURKISH_DEED = re.compile(
    r"\w{2,}(?:(?<!bil)[aeiu]r(?:im|um|iz|uz|sin|sun|san|sen|sak|sek)|m[ae]zs[ae]n|[iu]yor(?:um|uz|sun|san|sak)"
    r"|[ae]y[iu]m|[ae]l[iu]m|m[ae]y[iu]z|[ae]c[ae]ks[ai]n|m[ae]k|m[ae]y[ae]|m[ae]d[ae]n)"
)
"""Verbs of the first and second person, and those without a person."""


def is_own_deed(found: Sequence[Token], at: int, language: Language) -> bool:
    """Whether a word that no vocabulary has is such a one.

    In English a verb after "I" and "you will" (not "you can": what a place allows is a claim), one that opens a
    sentence as a wish ("Climb up"), and an adverb in -ly; in Turkish a verb with the ending of a first or second
    person or an infinitive.

    Args:
        found: Tokens of the text.
        at: Place of the word.
        language: Of the text.
    """
    token = found[at]
    if not token.is_word or (token.capital and not token.opens) or is_heavy(token.word, language):
        return False
    if forms(token.word, language) & vocabulary(language).apart:
        return False
    if language == "tr":
        return bool(_TURKISH_DEED.fullmatch(token.word))
    if token.opens and token.capital and at + 1 < len(found) and found[at + 1].word in _AFTER_A_WISH:
        return not token.word.endswith(_NO_WISH)
    if token.word.endswith("ly") and len(token.word) > _SHORT_ADVERB:
        return True
    before = [each.word for each in found[max(0, at - 4) : at] if each.word not in _BETWEEN]
    is_own = before[-1:] == ["i"] or (before[-1:] and before[-1] in _WILLS and {"i", "you"} & set(before[-3:-1]))
    return bool(is_own) and not token.word.endswith(_NO_DEED)
