"""Do explanations tell what the models did? Each of their parts held against scores that are made anew."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hidden_gems.benchmark.explained import Anew, Told, tell
from hidden_gems.benchmark.opened import Opened, askers
from hidden_gems.client import check_text, facts_of
from hidden_gems.client.answers import Explanation, Item
from hidden_gems.evaluation.intervals import wilson

FIRST = 5
"""Offenders of each check that are named."""
ADDITIVE, SAME_FIGURE = 1e-6, 1e-4
"""How far contributions may be from the score, and a counterfactual of four decimals from the score made anew."""
LOWER = 1e-9
"""A score falls if it does by more: sums of trees are rounded."""


@dataclass(frozen=True)
class Check:
    """What is promised of one part of an explanation."""

    what: str
    least: float  # share that must pass


CHECKS: Mapping[str, Check] = {
    "additive": Check(f"gems whose contributions add up to the score within {ADDITIVE:g}", 1.0),
    "concept": Check("gems whose score falls when the reason named first is taken from the other candidates", 0.85),
    "counterfactual": Check("counterfactuals whose change of score and rank is that of scoring anew", 1.0),
    "attention": Check("places of the path without which the score is lower", 1.0),
    "facts": Check("texts in which every name, number and claim is a fact", 1.0),
    "told": Check("gems with a text", 1.0),
    "own_words": Check("slates in which no sentence stands twice", 1.0),
}


@dataclass
class Tally:
    """How often a check held, and the first times that it did not."""

    passed: int = 0
    of: int = 0
    offenders: list[dict[str, Any]] = field(default_factory=list)

    def count(self, held: bool, about: Callable[[], dict[str, Any]]) -> None:
        """One more; `about` says what, should it be among the first offenders."""
        self.of += 1
        self.passed += held
        if not held and len(self.offenders) < FIRST:
            self.offenders.append(about())

    def figure(self, check: Check) -> dict[str, Any]:
        """For the report."""
        low, high = wilson(self.passed, self.of)
        share = self.passed / self.of if self.of else None
        return {
            "what": check.what, "passed": self.passed, "of": self.of, "share": share, "low": low, "high": high,
            "least": check.least, "kept": share is None or share >= check.least, "offenders": self.offenders,
        }  # fmt: skip


@dataclass
class Faithfulness:
    """Everything that is counted over answers."""

    tallies: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in CHECKS})
    counts: Counter[str] = field(default_factory=Counter)  # of answers, gems and parts
    concepts: Counter[str] = field(default_factory=Counter)  # reasons named first
    not_lower: Counter[str] = field(default_factory=Counter)  # those without which the score does not fall
    furthest: dict[str, float] = field(default_factory=dict)  # largest distances

    def far(self, name: str, distance: float) -> None:
        """Keep the largest of a kind."""
        self.furthest[name] = max(self.furthest.get(name, 0.0), distance)

    def as_dict(self) -> dict[str, Any]:
        """For the report."""
        return {
            "checks": {name: tally.figure(CHECKS[name]) for name, tally in self.tallies.items()},
            "counts": dict(self.counts),
            "first_reasons": dict(self.concepts.most_common()),
            "first_reasons_that_failed": {name: failed for name, failed in self.not_lower.items() if failed},
            "furthest": self.furthest,
        }


def faithfulness(
    opened: Opened, count: int, seed: int, progress: Callable[[float], None] = lambda _: None
) -> Faithfulness:
    """Explain answers and check every part of them.

    Args:
        opened: A release.
        count: Of the answers.
        seed: Of the people, contexts and draws.
        progress: Told the share that is done.
    """
    found, random = Faithfulness(), np.random.default_rng(seed)
    for number, request in enumerate(askers(opened, count, seed)):
        told = tell(opened, request, random)
        found.counts.update(answers=1, **{request.language: 1}, strangers=int(not len(told.answer.found.history.rows)))
        check(found, opened, told)
        progress((number + 1) / count)
    return found


def check(found: Faithfulness, opened: Opened, told: Told) -> None:
    """Hold every part of one answer against scores that are made anew, and count."""
    if not told.explanations:
        found.counts.update(empty_answers=1)
        return
    anew = Anew(opened, told)
    scores = anew.score(told.shown.vectors)
    found.far("served_score", float(np.abs(told.scored.scores - scores).max()))
    sums = told.scored.contributions[: len(scores)].sum(axis=1)
    written: Counter[str] = Counter()
    for place, each in enumerate(told.explanations):
        about = _about(told, place)
        found.counts.update(gems=1)
        distance = abs(float(sums[place] - scores[place]))
        found.far("additive", distance)
        found.tallies["additive"].count(distance <= ADDITIVE, lambda: about | {"distance": distance})  # noqa: B023
        _check_concept(found, anew, place, float(scores[place]), about)
        _check_text(found, told, place, about)
        written.update(dict.fromkeys(_sentences(each["text"]), 1))
    _check_changes(found, anew, scores)
    _check_path(found, anew, scores)
    twice = [sentence for sentence, times in written.items() if times > 1]
    found.tallies["own_words"].count(not twice, lambda: _about(told, 0) | {"sentences": twice})


def _check_concept(found: Faithfulness, anew: Anew, place: int, score: float, about: dict[str, Any]) -> None:
    named = anew.told.explanations[place]["top_features"]
    if not named:
        found.counts.update(gems_without_a_reason=1)
        return
    concept = named[0]["name"]
    found.concepts[concept] += 1
    without = anew.without(place, concept)
    lower = score - without > LOWER
    found.not_lower[concept] += not lower
    found.tallies["concept"].count(lower, lambda: about | {"concept": concept, "score": score, "without": without})


def _check_text(found: Faithfulness, told: Told, place: int, about: dict[str, Any]) -> None:
    explanation = Explanation.model_validate(told.explanations[place])
    columns = {name: told.shown.items[place].get(name) for name in ("item_id", "name", "type", "neighborhood")}
    item = Item.model_validate(
        columns
        | {"position": place, "score": 0.0, "propensity": 1.0, "impression_token": "", "explanation": explanation}
    )
    found.tallies["told"].count(bool(explanation.text.strip()), lambda: about)
    verdict = check_text(explanation.text, facts_of(item), told.request.language)
    spans = [{"kind": reason.kind, "span": reason.span} for reason in verdict.reasons]
    found.tallies["facts"].count(verdict.ok, lambda: about | {"text": explanation.text, "reasons": spans})


def _check_changes(found: Faithfulness, anew: Anew, scores: np.ndarray) -> None:
    made: dict[tuple[str, str], np.ndarray] = {}
    for place, each in enumerate(anew.told.explanations):
        for told in each["counterfactuals"]:
            [(kind, word)] = told["change"].items()
            if (kind, word) not in made:
                made[kind, word] = anew.under(kind, word)
            then = made[kind, word]
            change = float(then[place] - scores[place])
            rank = int((then > then[place]).sum() - (scores > scores[place]).sum())
            off = abs(change - told["score_change"])
            found.far("counterfactual", off)
            found.counts.update(counterfactuals=1)
            anew_too = {"score_change": change, "rank_change": rank}
            found.tallies["counterfactual"].count(
                off <= SAME_FIGURE and rank == told["rank_change"],
                lambda: _about(anew.told, place) | {"told": told, "anew": anew_too},  # noqa: B023
            )


def _check_path(found: Faithfulness, anew: Anew, scores: np.ndarray) -> None:
    made: dict[str, np.ndarray] = {}
    for place, each in enumerate(anew.told.explanations):
        for looked in each["attention"]:
            name = looked["item_id"]
            if name not in made:
                made[name] = anew.never_visited(name)
            lost = float(scores[place] - made[name][place])
            found.counts.update(places_of_the_path=1)
            found.tallies["attention"].count(
                lost > LOWER,
                lambda: _about(anew.told, place) | {"place": looked, "loss": lost},  # noqa: B023
            )


def _about(told: Told, place: int) -> dict[str, Any]:
    item = told.shown.items[place]
    return {"item_id": item["item_id"], "name": item.get("name"), "language": told.request.language, "position": place}


def _sentences(text: str) -> Iterator[str]:
    return (part.strip(" .") for part in text.split(". ") if part.strip(" ."))
