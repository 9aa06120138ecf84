"""A search for settings within a box of time, judged by what was held out."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.interactions import Interactions
from hidden_gems.models.held_out import hold_out
from hidden_gems.models.size import DataSize
from hidden_gems.training.deep import DeepRecommender, fingerprint
from hidden_gems.training.loop import Epoch, Progress
from hidden_gems.training.trial import Tunable

JOURNAL, TRIALS, SETTINGS = "tuning.journal", "trials.csv", "settings.json"
_FREE_TRIALS, _FREE_EPOCHS = 4, 1
"""Trials, and epochs of each, that are never given up: without them nobody knows what is usual."""


@dataclass(frozen=True)
class Tuned:
    """What a search found."""

    value: float  # best value of what was held out
    unchanged: float  # value of the settings that the search began with
    settings: Mapping[str, Any]  # plain values of the best ones
    trials: pd.DataFrame  # number, state, value, epochs, seconds, and each setting that was asked for

    def write(self, folder: Path) -> None:
        """Write the table of trials and, last, the best settings."""
        folder.mkdir(parents=True, exist_ok=True)
        self.trials.to_csv(folder / TRIALS, index=False)
        (folder / SETTINGS).write_text(json.dumps(dict(self.settings), indent=2) + "\n")


def tune(
    model: DeepRecommender[Any, Any],
    log: Interactions,
    seconds: float,
    *,
    folder: Path,
    progress: Callable[[str, float], None] = lambda what, share: None,
    most: int | None = None,
) -> Tuned:
    """Search until the box of time is over; one that was killed goes on with what is left of its box.

    The first trial is the settings as they are, so what is found is never worse on what was held out. A trial that
    does worse than the median of those before it, at the same epoch, is given up; the last one is cut when the time is
    over, and judged by what it had reached.

    Args:
        model: Not fitted; its settings are where the search begins.
        log: Interactions, oldest first; the last of them are held out.
        seconds: The box, over all starts.
        folder: Where the search is kept.
        progress: Told what is done, and the share of the box that is over.
        most: Trials at most, over all starts.

    Raises:
        BadInputError: If there is nothing to search or to judge by, the time was over before anything was judged, or
            the folder holds another search.
    """
    if not isinstance(model.settings, Tunable):
        raise BadInputError(f"{model.name} offers no search space, so there is nothing to tune")
    early, held_out = hold_out(log)
    if held_out is None:
        raise BadInputError("the log is too short to hold something out, so there is nothing to tune by")
    study, states = _study(model, log, folder)
    used = sum(trial.user_attrs.get("seconds", 0.0) for trial in study.trials)
    began = time.monotonic() - used
    size = DataSize.of(log)
    while time.monotonic() - began < seconds and (most is None or len(study.trials) < most):
        trial = study.ask()
        first = len(study.get_trials(states=(states.COMPLETE,))) == 0
        settings = model.settings if first else model.settings.suggest(trial, size)
        attempt = _Attempt(trial, began, seconds, progress)
        candidate = replace(model, settings=settings, checkpoint=None, progress=attempt.step, watch=attempt.epoch)
        trial.set_user_attr("settings", candidate.plain)
        trial.set_user_attr("unchanged", first)
        try:
            candidate.choose(early, held_out)
        except _TrialOver as over:
            attempt.pruned = over.pruned
        _tell(study, trial, attempt, states)
    return _tuned(study, states)


class _TrialOver(Exception):  # noqa: N818 - it is no error
    def __init__(self, *, pruned: bool) -> None:
        super().__init__()
        self.pruned = pruned


class _Attempt:
    """Watch a trial: report its epochs, and end it when it is behind or the time is over."""

    def __init__(self, trial: Any, began: float, seconds: float, progress: Callable[[str, float], None]) -> None:
        self.trial, self.began, self.seconds, self.progress = trial, began, seconds, progress
        self.values: list[float] = []
        self.pruned = False
        self.started = time.monotonic()

    def step(self, progress: Progress) -> None:
        used = time.monotonic() - self.began
        self.progress(f"trial {self.trial.number}", min(1.0, used / self.seconds))
        if used >= self.seconds:
            raise _TrialOver(pruned=False)

    def epoch(self, phase: str, epoch: Epoch) -> None:
        if epoch.validation is None:
            return
        self.values.append(epoch.validation)
        self.trial.report(max(self.values), epoch.number)
        self.note()
        if self.trial.should_prune():
            raise _TrialOver(pruned=True)

    def note(self) -> None:
        """Keep how far this came and what it took; idle time between two starts counts for nothing."""
        self.trial.set_user_attr("epochs", len(self.values))
        self.trial.set_user_attr("seconds", time.monotonic() - self.started)


def _study(model: DeepRecommender[Any, Any], log: Interactions, folder: Path) -> tuple[Any, Any]:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(JournalFileBackend(str(folder / JOURNAL))),
        study_name=model.name,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=model.settings.loop.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_FREE_TRIALS, n_warmup_steps=_FREE_EPOCHS),
        load_if_exists=True,
    )
    identity = {"settings": model.plain, "log": fingerprint(log)}
    if study.user_attrs.setdefault("identity", identity) != identity:
        raise BadInputError(
            f"{folder / JOURNAL} holds a search on other data or from other settings; name another folder"
        )
    study.set_user_attr("identity", identity)
    states = optuna.trial.TrialState
    for lost in study.get_trials(states=(states.RUNNING,)):  # of a search that was killed
        study.tell(lost.number, state=states.FAIL)
    return study, states


def _tell(study: Any, trial: Any, attempt: _Attempt, states: Any) -> None:
    attempt.note()
    if attempt.pruned:
        study.tell(trial, state=states.PRUNED)
    elif attempt.values:
        study.tell(trial, max(attempt.values))
    else:
        study.tell(trial, state=states.FAIL)


def _tuned(study: Any, states: Any) -> Tuned:
    complete = study.get_trials(states=(states.COMPLETE,))
    if not complete:
        raise BadInputError("the time was over before a single epoch was; give the search more of it")
    best = max(complete, key=lambda trial: trial.value)
    unchanged = next(trial.value for trial in complete if trial.user_attrs["unchanged"])
    rows = [
        {
            "number": trial.number,
            "state": trial.state.name.lower(),
            "value": trial.value,
            "epochs": trial.user_attrs.get("epochs", 0),
            "seconds": round(trial.user_attrs.get("seconds", 0.0), 2),
            **trial.params,
        }
        for trial in study.trials
    ]
    return Tuned(best.value, unchanged, best.user_attrs["settings"], pd.DataFrame(rows))
