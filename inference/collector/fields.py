"""Kinds of values that callers send: ids, moments, numbers and words of the contract."""

import math
import unicodedata
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from hidden_gems.core.ids import MAX_ID_LENGTH
from hidden_gems.datasets.contract import COMPANIONS, OTHER, VOCABULARIES

_MILLISECONDS_ABOVE = 1e11
_VOCABULARIES = {**VOCABULARIES, "companions": (COMPANIONS, {})}


def identity(value: Any) -> str:
    """An id of the contract: 1-64 code points without control characters; whole numbers become text.

    Raises:
        ValueError: If it is none.

    Examples:
        >>> identity("g1"), identity(7)
        ('g1', '7')
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("expected a text or a whole number")
    text = str(value)
    if not 1 <= len(text) <= MAX_ID_LENGTH:
        raise ValueError(f"expected 1 to {MAX_ID_LENGTH} characters, got {len(text)}")
    if not text.isprintable() and any(unicodedata.category(each) == "Cc" for each in text):
        raise ValueError("has a control character")
    return text


def moment(value: Any) -> float:
    """Epoch seconds of a number of them, or of an ISO 8601 text with its zone.

    Raises:
        ValueError: If it is neither.

    Examples:
        >>> moment("1970-01-01T02:00:01+02:00"), moment(1)
        (1.0, 1.0)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("expected epoch seconds, or ISO 8601 with a zone")
    if isinstance(value, str):
        return _read(value)
    seconds = float(value)
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError("expected epoch seconds from 0 on")
    if seconds > _MILLISECONDS_ABOVE:
        raise ValueError("expected seconds, these look like milliseconds")
    return seconds


def number(value: Any) -> float:
    """A finite number; neither a text nor a truth value.

    Raises:
        ValueError: If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("expected a number")
    return float(value)


def word_of(column: str) -> Callable[[Any], Any]:
    """Reader of a column whose words are ours: aliases resolved, any other word is `other`."""
    words, aliases = _VOCABULARIES[column]

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        word = plain_word(value)
        word = aliases.get(word, word)
        return (word if word in words else OTHER) if word else None

    return read


def plain_word(text: str) -> str:
    """A word in lower case with `_` between its parts, as the reader of datasets makes it.

    Examples:
        >>> plain_word(" Partly cloudy ")
        'partly_cloudy'
    """
    return text.strip().lower().replace(" ", "_").replace("-", "_")


def _read(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("expected epoch seconds, or ISO 8601 with a zone") from error
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    seconds = at.timestamp()
    if seconds < 0:
        raise ValueError("a time before 1970")
    return seconds


Identity = Annotated[
    str,
    BeforeValidator(identity),
    WithJsonSchema(
        {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH, "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$"}
    ),
]
Moment = Annotated[
    float,
    BeforeValidator(moment),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": _MILLISECONDS_ABOVE},
                {"type": "string", "format": "date-time"},
            ],
            "description": "Epoch seconds, or ISO 8601 with a zone",
        }
    ),
]
Number = Annotated[float, BeforeValidator(number), WithJsonSchema({"type": "number"})]
Text = Annotated[str, Field(max_length=64)]
