"""Whether a number of a text is a number of the facts."""

from dataclasses import replace

from hidden_gems.client.facts import Number
from hidden_gems.client.numerals import Told

_RATIOS = {f"of {scale}": scale for scale in (2, 3, 4, 5, 6, 8, 10)}
"""Scales of a share: "four in ten"."""
_SMALL_RATIOS = frozenset(_RATIOS) - {"of 10"}
_DAYS = {"week": 7.0, "month": 30.0}
_BOUND = 0.6
"""Share of a bound that the value reaches at least: 12 minutes are "under 20", not "under 30"."""
_ABOUT = 0.09
"""Share by which a number with "about" may be off."""


def is_told(told: Told, fact: Number, claims: set[str]) -> bool:
    """Whether a number is a fact's: in its unit, beside what it counts, near enough for how it is told.

    Args:
        told: Of the text.
        fact: That it may be.
        claims: Of its sentence and the one before.
    """
    told = _as(told, fact.unit)
    if told.unit != fact.unit and not (told.unit is None and fact.bare):
        return False
    if fact.spoiled & claims:
        return False
    if not _is_rating(told, fact) and not all(group & claims for group in fact.beside):
        return False
    if told.bound == "under":
        return _BOUND * told.value <= fact.value <= told.value + fact.tolerance
    if told.bound == "over":
        return told.value - fact.tolerance <= fact.value <= told.value / _BOUND
    return abs(told.value - fact.value) <= _tolerance(told, fact) + 1e-9


def _as(told: Told, unit: str) -> Told:
    """The number in a fact's unit, where it has one."""
    if told.unit in _DAYS and unit == "day":
        days = _DAYS[told.unit]
        return replace(told, value=days * told.value, unit="day", tolerance=0.1 * days * told.value)
    if unit not in ("percent", "of 100") or (unit == "of 100" and told.unit in _SMALL_RATIOS):
        return told
    if told.unit in _RATIOS:
        scale = _RATIOS[told.unit]
        return replace(told, value=100.0 * told.value / scale, unit=unit, tolerance=50.0 / scale)
    return replace(told, unit=unit) if told.unit in ("percent", "of 100") else told


def _is_rating(told: Told, fact: Number) -> bool:
    """A bare number with a decimal, or one of 5, is read as the rating, whatever stands beside it."""
    return fact.fact == "item_average_rating" and not told.value.is_integer()


def _tolerance(told: Told, fact: Number) -> float:
    exact = max(told.tolerance, fact.tolerance)
    if not told.about:
        return exact
    if fact.unit == "minute":
        return max(exact, 2.5, _ABOUT * told.value) if told.value % 5 == 0 else exact
    if fact.unit in ("percent", "of 100"):
        return max(exact, 5.0)
    return max(exact, _ABOUT * fact.value) if fact.unit in ("time", "day") else exact
