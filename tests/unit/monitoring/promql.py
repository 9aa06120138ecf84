"""As much of PromQL as it takes to say which samples an expression reads, by which labels; promtool knows the rest."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""\s+ | (?P<text>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*') | (?P<span>\[[^\]]*\]) | (?P<name>[a-zA-Z_:][\w:]*)
    | (?P<duration>\d+[smhdw])\b | (?P<number>\d+(\.\d+)?) | (?P<sign>=~|!~|!=|==|<=|>=|[-+*/%^(){},=<>])""",
    re.VERBOSE,
)
_FUNCTIONS = frozenset(
    {
        "rate",
        "increase",
        "deriv",
        "avg_over_time",
        "histogram_quantile",
        "absent",
        "scalar",
        "time",
        "sum",
        "max",
        "min",
        "avg",
        "count",
    }
)
_GROUPING = frozenset({"by", "without", "on", "ignoring"})
_WORDS = frozenset({"and", "or", "unless", "bool", "offset"})


@dataclass
class Read:
    """What an expression reads."""

    samples: list[tuple[str, str]] = field(default_factory=list)  # name, and the function it stands in directly
    matched: list[tuple[str, str]] = field(default_factory=list)  # name, and a label in its braces
    grouped: set[str] = field(default_factory=set)  # labels to group by


def tokens(expression: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(expression):
        found = _TOKEN.match(expression, at)
        if found is None:
            raise ValueError(f"not PromQL from here on: {expression[at:]!r}")
        at = found.end()
        if found.lastgroup:
            yield found.lastgroup, found.group()


def read(expression: str) -> Read:
    """Names, labels and groupings of an expression.

    Raises:
        ValueError: If it has a function or a sign that is not known here.
    """
    found, words = Read(), [*tokens(expression), ("end", "")]
    at = 0
    while at < len(words):
        kind, word = words[at]
        following = words[at + 1][1] if at + 1 < len(words) else ""
        if kind != "name" or word in _WORDS:
            at += 1
        elif word in _GROUPING:
            at = _labels(words, at + 1, ")", found.grouped.add)
        elif following == "(" or (word in _FUNCTIONS and following in _GROUPING):
            if word not in _FUNCTIONS:
                raise ValueError(f"{word} is no function known here: {expression}")
            at += 1
        else:
            caller = words[at - 2][1] if at >= 2 and words[at - 1][1] == "(" else ""
            found.samples.append((word, caller))
            at = at + 1
            if following == "{":
                at = _labels(words, at, "}", lambda label, name=word: found.matched.append((name, label)))
    if expression.count("(") != expression.count(")"):
        raise ValueError(f"brackets do not match: {expression}")
    return found


def _labels(words: list[tuple[str, str]], at: int, end: str, take) -> int:  # type: ignore[no-untyped-def]
    """Take the names up to a bracket; where it is after it."""
    while words[at][1] != end:
        if words[at][0] == "end":
            raise ValueError(f"a bracket {end} is missing")
        if words[at][0] == "name":
            take(words[at][1])
        at += 1
    return at + 1
