"""From the ranker's contributions to the reasons a person reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hidden_gems.explain.concepts import concept_contributions, shared
from hidden_gems.explain.templates import LABELS, Language
from hidden_gems.explain.wording import Facts, Phrase, phrase, texts

TOP_CONCEPTS = 3


@dataclass(frozen=True)
class Reason:
    """One concept that lifted the gem above the other candidates."""

    name: str
    label: str
    importance: float  # share of everything that lifted it, 0 to 1


@dataclass(frozen=True)
class Explanation:
    """Why this gem, for this person, now."""

    text: str
    language: Language
    top_features: tuple[Reason, ...]


def explain(
    contributions: NDArray[np.float64],
    vectors: NDArray[np.float32],
    feature_names: Sequence[str],
    items: Sequence[Mapping[str, Any]],
    shown: Sequence[int],
    language: Language,
    time_of_day: str | None = None,
    void: Sequence[frozenset[str]] = (),
) -> list[Explanation]:
    """Explain the shown candidates by what lifts each above the mean candidate.

    A concept is told only when it lifts the gem, the candidates differ in it and the facts for it are known; the
    importance counts all such concepts, told or not.

    Args:
        contributions: TreeSHAP values of all n candidates, the base last, size n X (F + 1).
        vectors: The vectors they belong to, size n X F.
        feature_names: Names of the F features.
        items: Row of the item table for each candidate, n of them.
        shown: Which candidates are explained.
        language: "en" or "tr".
        time_of_day: Word of the vocabulary, None where times are only an order.
        void: Concepts of each of `shown` that are no reason whatever they contributed; none where it is empty.

    Returns:
        An explanation for each of `shown`.
    """
    if not len(shown):
        return []  # no candidate, no mean candidate
    lifts, alike = concept_contributions(contributions, feature_names), shared(vectors, feature_names)
    gems = [
        Facts(items[row], dict(zip(feature_names, vectors[row].tolist(), strict=True)), time_of_day) for row in shown
    ]
    told = [
        _told({name: float(lift[row]) for name, lift in lifts.items() if name not in alike | no_reason}, facts)
        for row, facts, no_reason in zip(shown, gems, void or [frozenset()] * len(gems), strict=True)
    ]
    said = texts([(facts, [phrase for _, _, phrase in each]) for facts, each in zip(gems, told, strict=True)], language)
    return [
        Explanation(text, language, tuple(Reason(name, LABELS[language][name], share) for name, share, _ in each))
        for text, each in zip(said, told, strict=True)
    ]


def _told(lifts: Mapping[str, float], facts: Facts) -> list[tuple[str, float, Phrase]]:
    """The strongest concepts that lift a gem and can be told, with their share of all that lifts it."""
    lifting = sorted(((lift, name) for name, lift in lifts.items() if lift > 0), reverse=True)
    total = sum(lift for lift, _ in lifting)
    told = [(name, lift / total, said) for lift, name in lifting if (said := phrase(name, facts)) is not None]
    return told[:TOP_CONCEPTS]
