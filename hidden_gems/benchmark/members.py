"""One model of the shelf, fitted before a cut-off, with how it scored what had been held out: a member of a blend."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.benchmark.apart import Call, peak_mb, run_apart
from hidden_gems.benchmark.registry import RECOMMENDERS
from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.facts import ItemFacts
from hidden_gems.models.held_out import HeldOut, hold_out
from hidden_gems.models.protocol import Recommender
from hidden_gems.models.size import DataSize, Preset

_SCORES, _ABOUT, _MODEL = "held_out.npy", "member.json", "model"
_CHUNK_PEOPLE = 512


@dataclass(frozen=True)
class Curve:
    """What one training run looked like; epochs count from 1, and a best epoch of 0 means that none was validated."""

    losses: tuple[float, ...]  # mean loss of each epoch
    validations: tuple[float, ...]  # value on what was held out after each epoch
    best_epoch: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Read what `dataclasses.asdict` gave, also from JSON."""
        return cls(tuple(values["losses"]), tuple(values["validations"]), values["best_epoch"])


@dataclass(frozen=True)
class Member:
    """A fitted model and what is known about its fit.

    Notation: V people were held out, I items with the unknown row 0.
    """

    name: str
    model: Recommender  # learned from the whole log, with the choice made on what was held out
    held_out: HeldOut | None  # the same for every model of a log; None if there was too little to hold out
    held_out_scores: NDArray[np.float32] | None  # by the model as chosen on the early part, V X I
    seconds: float
    peak_mb: float  # of the process that fitted it, MiB
    curves: tuple[Curve, ...] = ()  # of a deep model: the search for the number of epochs, and the last fit

    @property
    def value(self) -> float:
        """What the model was worth on what was held out (`HeldOut.value`); NaN where nothing was."""
        if self.held_out is None or self.held_out_scores is None:
            return float("nan")
        return self.held_out.value(self.held_out_scores)


@dataclass(frozen=True)
class Failed:
    """A model that could not be fitted, and why."""

    name: str
    reason: str
    seconds: float


def fit_member(name: str, facts: ItemFacts, log: Interactions, *, preset: Preset = "auto", seed: int = 0) -> Member:
    """Choose on the early part of a log, score what was held out, then learn from all of it.

    The model is the same as `Recommender.fit` makes, and what is held out follows from the log alone (`hold_out`).

    Args:
        name: On the shelf.
        facts: About the items.
        log: What may be learned from.
        preset: Sizes of the model.
        seed: Of everything random in the model.
    """
    started = time.perf_counter()
    model = RECOMMENDERS[name](facts, DataSize.of(log), preset, seed)
    model.forget_choice()
    early, held_out = hold_out(log)
    scores = None
    if held_out is not None:
        model.choose(early, held_out)
        scores = catalogue_of(model, held_out.user, held_out.moments)
    model.refit(log)
    seconds = round(time.perf_counter() - started, 2)
    return Member(name, model, held_out, scores, seconds, round(peak_mb(), 1), _curves(model))


def catalogue_of(model: Recommender, user: Rows, when: Moments) -> NDArray[np.float32]:
    """Scores of all items, some people at a time, so that no model needs room for everyone at once, U X I."""
    starts = range(0, len(user), _CHUNK_PEOPLE)
    parts = [model.score_catalogue(user[s : s + _CHUNK_PEOPLE], when[s : s + _CHUNK_PEOPLE]) for s in starts]
    return np.concatenate(parts)


def fit_members(
    names: Sequence[str],
    facts: ItemFacts,
    log: Interactions,
    *,
    preset: Preset = "auto",
    seed: int = 0,
    jobs: int | None = None,
    limit_seconds: float | None = None,
    all_seconds: float | None = None,
    told: Callable[[str, float], None] = lambda name, share: None,
) -> list[Member | Failed]:
    """Fit several models on one log, each in a process of its own.

    Args:
        names: On the shelf.
        facts: About the items.
        log: What may be learned from.
        preset: Sizes of the models.
        seed: Of everything random in the models.
        jobs: Processes at a time; by default one for each core.
        limit_seconds: A fit that takes longer is ended and counts as failed.
        all_seconds: Fits that have not ended by then are ended, or not begun, and count as failed.
        told: Called with each model that ended and the share of the models that have.

    Returns:
        In the order of the names.
    """
    with TemporaryDirectory(prefix="members-") as scratch:
        folders = [Path(scratch) / str(place) for place in range(len(names))]
        given = ((name, facts, log, preset, seed, folder) for name, folder in zip(names, folders, strict=True))
        calls = [Call(fit_and_save, arguments) for arguments in given]
        ended = {}
        for each in run_apart(calls, jobs, limit_seconds, all_seconds=all_seconds):
            ended[each.place] = each
            told(names[each.place], len(ended) / len(names))
        held_out = hold_out(log)[1]
        return [
            Failed(name, ended[place].failure, ended[place].seconds)
            if ended[place].failure
            else load_member(folders[place], name, facts, log, held_out)
            for place, name in enumerate(names)
        ]


def fit_and_save(name: str, facts: ItemFacts, log: Interactions, preset: Preset, seed: int, folder: Path) -> None:
    """`fit_member` and `save_member` in one, for a process of its own."""
    save_member(fit_member(name, facts, log, preset=preset, seed=seed), folder)


def save_member(member: Member, folder: Path) -> None:
    """Write everything but what was held out, which follows from the log."""
    member.model.save(folder / _MODEL)
    if member.held_out_scores is not None:
        np.save(folder / _SCORES, member.held_out_scores)
    about = {
        "name": member.name,
        "seconds": member.seconds,
        "peak_mb": member.peak_mb,
        "curves": [asdict(curve) for curve in member.curves],
    }
    (folder / _ABOUT).write_text(json.dumps(about))


def load_member(folder: Path, name: str, facts: ItemFacts, log: Interactions, held_out: HeldOut | None) -> Member:
    """Read what `save_member` wrote.

    Args:
        folder: Where it wrote.
        name: Of the model.
        facts: As at its fit.
        log: As at its fit.
        held_out: What `hold_out` gives for the log.
    """
    about = json.loads((folder / _ABOUT).read_text())
    model = type(RECOMMENDERS[name](facts, DataSize.of(log), "auto", 0)).load(folder / _MODEL)
    scores = np.load(folder / _SCORES, mmap_mode="r") if held_out is not None else None
    curves = tuple(Curve.of(values) for values in about["curves"])
    return Member(name, model, held_out, scores, about["seconds"], about["peak_mb"], curves)


def _curves(model: Recommender) -> tuple[Curve, ...]:
    """Curves of a deep model; a simple one has none."""
    reports = getattr(model, "reports", ())
    return tuple(Curve(tuple(r.losses), tuple(r.validations), r.best_epoch) for r in reports)
