"""The blend on the bench: members fitted before a cut-off, weighed by what each did on what was held out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.benchmark.contender import Progress, Scores
from hidden_gems.benchmark.members import Failed, Member, fit_members
from hidden_gems.benchmark.registry import RECOMMENDERS
from hidden_gems.core.errors import StepFailedError
from hidden_gems.datasets.interactions import Index, Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.evaluation.truth import seen_matrix
from hidden_gems.features.facts import ItemFacts
from hidden_gems.models.blend import Blend
from hidden_gems.models.conditional_logit import buckets
from hidden_gems.models.protocol import Recommender
from hidden_gems.models.size import Preset

BLEND = "blend"
"""Name of the blend beside the models."""
LIMIT_SECONDS = 1_500.0
"""What one member may take: two of them at a time leave an hour for all."""
ALL_SECONDS = 3_000.0
"""What all members together may take; a member that is not ready by then is dropped."""

_CELLS = 8_000_000  # scores of one member at a time
_NOTHING = np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True)
class Blended:
    """Members and their weights, asked at the cut-off."""

    blend: Blend
    members: Mapping[str, Recommender]  # by name, at least those of the blend
    log: Interactions  # what the members learned from
    known: Interactions  # what people know, refusals included
    users: Index
    items: Index
    cut: int

    def catalogue(self, users: Rows, repeat: bool) -> Scores:
        """See `Contender`."""
        found = np.empty((len(users), self.log.items), dtype=np.float32)
        seen = seen_matrix(self.known)
        step = max(1, _CELLS // self.log.items)
        for start in range(0, len(users), step):
            part = users[start : start + step]
            hidden = np.zeros((len(part), self.log.items), dtype=bool)
            if not repeat:
                hidden |= seen[part].toarray() > 0
            hidden[:, 0] = True
            found[start : start + step] = self._combined(part, hidden, repeat)
        return found

    def pairs(self, marks: pd.DataFrame) -> Scores:
        """See `Contender`; an impression is ranked against the whole catalogue as of the cut-off."""
        user, item = self.users.rows(marks["user_id"].tolist()), self.items.rows(marks["item_id"].tolist())
        people, row = np.unique(user, return_inverse=True)
        return self.catalogue(people, True)[row, np.maximum(item, 1)]

    def _combined(self, users: Rows, hidden: NDArray[np.bool_], repeat: bool) -> Scores:
        weights, when = self.blend.weights(repeat), Moments.at(np.full(len(users), self.cut))
        tables = {name: self.members[name].score_catalogue(users, when) for name in weights.members}
        return weights.combine(tables, buckets(self.log, users), hidden)


@dataclass(frozen=True)
class Kept:
    """A blend with its members."""

    blend: Blend
    members: Mapping[str, Recommender]
    notes: tuple[str, ...]  # who was dropped and why, and what each member adds


def fit_blended(
    log: Interactions,
    facts: ItemFacts,
    *,
    preset: Preset = "auto",
    seed: int = 0,
    names: Sequence[str] = tuple(RECOMMENDERS),
    progress: Progress = lambda what, share: None,
) -> Kept:
    """Fit all recommenders on a log and weigh them by what each did on what comes last in it.

    A member that fails or is too slow is dropped, in words: on slower machines another set may be left, and figures
    are only comparable if the notes are equal.

    Args:
        log: What may be learned from.
        facts: About the items.
        preset: Sizes of the members.
        seed: Of everything random in the members.
        names: Of the members; those that come first are fitted first.
        progress: Told who is ready.

    Raises:
        StepFailedError: If no member could be fitted.
    """
    ready: list[str] = []

    def told(name: str, share: float) -> None:
        ready.append(name)
        progress(f"blend: {', '.join(ready[-3:])} ready", share)

    found = fit_members(
        names, facts, log, preset=preset, seed=seed, limit_seconds=LIMIT_SECONDS, all_seconds=ALL_SECONDS, told=told
    )
    members = [each for each in found if isinstance(each, Member)]
    dropped = tuple(f"blend without {each.name}: {each.reason}" for each in found if isinstance(each, Failed))
    if not members:
        raise StepFailedError(f"no member of the blend could be fitted: {'; '.join(dropped)}")
    kept = weigh(members, log)
    return replace(kept, notes=dropped + kept.notes)


def weigh(members: Sequence[Member], log: Interactions) -> Kept:
    """The blend of members that were fitted on a log, at least one."""
    tables = {each.name: each.held_out_scores for each in members if each.held_out_scores is not None}
    held_out = members[0].held_out
    blend = Blend.fit(tables if held_out is not None else {each.name: _NOTHING for each in members}, held_out, log)
    models = {each.name: each.model for each in members if each.name in blend.members}
    return Kept(blend, models, _adds(blend))


def _adds(blend: Blend) -> tuple[str, ...]:
    """What each member adds, in words."""
    return tuple(
        f"blend, {question}: NDCG@10 {weights.ndcg:.4f} where nothing was fitted; without "
        + ", ".join(f"{name} {-add:+.4f}" for name, add in sorted(weights.adds.items(), key=lambda pair: -pair[1]))
        for question, weights in (("new items", blend.new), ("with repeats", blend.again))
        if weights.adds
    )
