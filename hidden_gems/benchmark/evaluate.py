"""Every model under every protocol on the last slice of time, with intervals, beside popular and random order."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.benchmark.contender import Contender, Oracle, Progress, TrueReward
from hidden_gems.benchmark.shelf import Shelf
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.split import TimeSplit, split_by_time
from hidden_gems.evaluation import beyond_accuracy as beyond
from hidden_gems.evaluation.gates import Judged
from hidden_gems.evaluation.intervals import mean_intervals, paired_difference
from hidden_gems.evaluation.protocols import (
    Negatives,
    Outcome,
    Slates,
    draw_negatives,
    full_catalogue,
    impression_lists,
    uniform_negatives,
)
from hidden_gems.evaluation.report import Evaluation, Figure
from hidden_gems.evaluation.truth import Truth, truth_after
from hidden_gems.training.labels import impression_labels
from hidden_gems.training.training_set import label_window

PROTOCOLS = {
    "full catalogue, new places": (
        "All items are ranked for each person at the cut-off, without those the person knew; relevant are the items "
        "the person came to for the first time after it."
    ),
    "full catalogue, with repeats": (
        "All items are ranked for each person at the cut-off; relevant are all items the person came to after it, "
        "known ones included."
    ),
    "100 uniform negatives, new places": (
        "Each item the person came to for the first time after the cut-off is ranked among 100 items drawn uniformly "
        "from those that are neither known nor relevant; the mean over a person's items counts."
    ),
    "100 uniform negatives, with repeats": (
        "Each item the person came to after the cut-off is ranked among 100 items drawn uniformly from those that are "
        "not relevant; the mean over a person's items counts."
    ),
    "impression lists": (
        "Each slate logged after the cut-off is ordered anew; labels 0 to 5 by the feedback within its windows, and "
        "NDCG is graded. Models are those of the cut-off; counts and times behind features are as of the slate."
    ),
}
LOGGED, ORACLE = "logged order", "oracle"
_REPEATS_MATTER = 0.01  # share of the answers that are repeats
_TABLE_CELLS = 50_000_000  # scores of one model that are kept between protocols


@dataclass(frozen=True)
class Setting:
    """One full-catalogue setting: who is judged on what."""

    name: str  # "new places" or "with repeats"
    repeat: bool
    truth: Truth
    negatives: Negatives


@dataclass
class _Run:
    """Everything the models of one evaluation share."""

    shelf: Shelf
    settings: list[Setting]
    slates: Slates | None
    marks: pd.DataFrame  # the impressions of `slates`
    k: int
    seed: int
    resamples: int
    figures: list[Figure] = field(default_factory=list)
    judged: dict[tuple[str, str], Judged] = field(default_factory=dict)


def evaluate(
    dataset: Dataset,
    models: Sequence[str],
    *,
    k: int = 10,
    shelf: Shelf | None = None,
    seed: int = 0,
    oracle: Oracle | None = None,
    progress: Progress = lambda what, share: None,
    resamples: int = 1_000,
) -> Evaluation:
    """Fit the models on what came before the test and judge them on it.

    Args:
        dataset: A checked dataset.
        models: Names on the shelf; popular and random are always beside them.
        k: Places.
        shelf: Models of this dataset that may be fitted already; by default a new shelf with the cut-offs of
            `split_by_time`.
        seed: Of everything random.
        oracle: True expected reward, where the data are simulated.
        progress: Told what is done.
        resamples: Of the bootstrap.

    Raises:
        BadInputError: If a model is not on the shelf.
    """
    shelf = shelf or Shelf(dataset, split_by_time(dataset), seed)
    split = shelf.split
    names = list(dict.fromkeys(["popular", *models, "random"]))
    shelf.check(names)
    notes: list[str] = []
    settings = _settings(shelf, seed, notes)
    slates, marks = _slates(shelf)
    run = _Run(shelf, settings, slates, marks, k, seed, resamples)
    seconds: dict[str, float] = {}
    for place, name in enumerate(names):
        progress(name, place / len(names))
        started = time.perf_counter()
        _judge(run, name, shelf.contender(name))
        seconds[name] = round(time.perf_counter() - started, 2)
    if oracle is not None:
        progress(ORACLE, 1.0)
        _judge(run, ORACLE, TrueReward(oracle, shelf.users, shelf.items, split.test_from))
    if slates is not None:
        _add(run, LOGGED, impression_lists(-slates.position.astype(np.float64), slates, k, seed))
    progress("done", 1.0)
    return _evaluation(run, (*notes, *shelf.notes), seconds)


def _evaluation(run: _Run, notes: tuple[str, ...], seconds: Mapping[str, float]) -> Evaluation:
    about, split = run.shelf.dataset.about, run.shelf.split
    used = {figure.protocol for figure in run.figures}
    return Evaluation(
        dataset=about.name,
        fingerprint=about.fingerprint,
        simulated=about.simulated,
        seed=run.seed,
        k=run.k,
        counts=_counts(run.shelf),
        cut={"rank_from": split.rank_from, "test_from": split.test_from},
        protocols={name: words for name, words in PROTOCOLS.items() if name in used},
        figures=tuple(run.figures),
        differences=_differences(run),
        notes=notes,
        seconds=seconds,
        judged=run.judged,
    )


def _settings(shelf: Shelf, seed: int, notes: list[str]) -> list[Setting]:
    past, future = shelf.all_feedback(shelf.split.test_from), shelf.future
    found = []
    for name, repeat in (("new places", False), ("with repeats", True)):
        truth = truth_after(past, future, repeat)
        found.append(Setting(name, repeat, truth, draw_negatives(truth, seed)))
    new, every = (setting.truth.relevant.nnz for setting in found)
    if every and (every - new) / every < _REPEATS_MATTER:
        notes.append("People hardly come back to the same item here, so figures with repeats are left out.")
        found.pop()
    return found


def _slates(shelf: Shelf) -> tuple[Slates | None, pd.DataFrame]:
    """Slates of the test with final labels; None where there are none."""
    test = shelf.dataset.between(shelf.split.test_from, None)
    shown = test.impressions
    if shown.empty:
        return None, shown
    last = TimeSplit(shelf.split.test_from, shelf.dataset.now)
    labels = impression_labels(shown, test.interactions, shelf.dataset.now, label_window(last))
    shown, label = shown[labels.final].reset_index(drop=True), labels.label[labels.final]
    if shown.empty:
        return None, shown
    _, slate = np.unique(shown["slate_id"].to_numpy(str), return_inverse=True)
    slates = Slates(
        slate=slate.astype(np.int64),
        person=shelf.users.rows(shown["user_id"].tolist()),
        item=shelf.items.rows(shown["item_id"].tolist()),
        position=shown["position"].to_numpy(np.int64),
        label=label,
    )
    return slates, shown


def _judge(run: _Run, name: str, contender: Contender) -> None:
    for setting in run.settings:
        scores = _Table(contender, setting)
        catalogue = full_catalogue(scores, setting.truth, run.k, run.seed)
        _add(run, name, catalogue, setting.name)
        _add(run, name, uniform_negatives(scores, setting.truth, setting.negatives, run.k, run.seed), setting.name)
    if run.slates is not None:
        _add(run, name, impression_lists(contender.pairs(run.marks), run.slates, run.k, run.seed))


class _Table:
    """Scores of the people of one setting, made once where they fit into memory."""

    def __init__(self, contender: Contender, setting: Setting) -> None:
        self._contender, self._repeat = contender, setting.repeat
        self._users = setting.truth.users
        fits = len(self._users) * setting.truth.items <= _TABLE_CELLS
        self._whole = contender.catalogue(self._users, setting.repeat) if fits else None

    def __call__(self, users: Rows) -> NDArray[np.float32]:
        if self._whole is None:
            return self._contender.catalogue(users, self._repeat)
        return self._whole[np.searchsorted(self._users, users)]


def _add(run: _Run, model: str, outcome: Outcome, setting: str = "") -> None:
    protocol = f"{outcome.protocol}, {setting}" if setting else outcome.protocol
    values = dict(outcome.values)
    whole: dict[str, float] = {}
    if outcome.protocol == "full catalogue":
        more, whole = _beyond(run, outcome.lists)
        values |= more
    intervals = mean_intervals(values, outcome.people, run.seed, run.resamples)
    for metric, i in intervals.items():
        run.figures.append(Figure(model, protocol, metric, i.value, i.low, i.high, i.users, outcome.left_out))
    for metric, value in whole.items():
        run.figures.append(
            Figure(model, protocol, metric, value, np.nan, np.nan, len(outcome.people), outcome.left_out)
        )
    fingerprint = run.shelf.dataset.about.fingerprint
    run.judged[model, protocol] = Judged(model, fingerprint, outcome.people, outcome.values)


def _beyond(run: _Run, lists: Rows) -> tuple[dict[str, NDArray[np.float64]], dict[str, float]]:
    """Values of each list, and figures of all lists together, which have no interval over people."""
    shelf, k = run.shelf, run.k
    past = shelf.log(shelf.split.test_from)
    recent, counts, known = popularity(past, shelf.dataset.about.order_only)
    tail, rare = beyond.tail_items(counts[1:]), beyond.rare_items(recent[1:])
    shown = lists[lists >= 0]
    values = {
        f"novelty@{k}": beyond.novelty(lists, known, past.users - 1),
        f"tail_share@{k}": beyond.share_in(lists, np.concatenate([[False], tail])),
        f"rare_share@{k}": beyond.share_in(lists, np.concatenate([[False], rare])),
        f"diversity@{k}": beyond.intra_list_diversity(lists, shelf.item_groups),
    }
    exposure = np.bincount(shown, minlength=past.items)[1:]
    return values, {f"coverage@{k}": beyond.coverage(lists, past.items - 1), f"gini@{k}": beyond.gini(exposure)}


def popularity(past: Interactions, order_only: bool) -> tuple[Rows, Rows, Rows]:
    """Interactions of the last 30 days (of all time for an order), of all time, and people who know it, I each."""
    counts = np.bincount(past.item, minlength=past.items)
    pairs = np.unique(past.user * past.items + past.item)
    known = np.bincount(pairs % past.items, minlength=past.items)
    if order_only or not len(past.timestamp):
        return counts, counts, known
    late = past.timestamp > past.timestamp.max() - beyond.RECENT_DAYS * DAY_SECONDS
    return np.bincount(past.item[late], minlength=past.items), counts, known


def _differences(run: _Run) -> tuple[Figure, ...]:
    """NDCG of each model minus that of popular, person by person."""
    metric = f"ndcg@{run.k}"
    found = []
    for (model, protocol), judged in run.judged.items():
        base = run.judged.get(("popular", protocol))
        if base is None or model == "popular":
            continue
        i = paired_difference(judged.values[metric], base.values[metric], judged.people, run.seed, run.resamples)
        found.append(Figure(model, protocol, metric, i.value, i.low, i.high, i.users))
    return tuple(found)


def _counts(shelf: Shelf) -> Mapping[str, int]:
    past, future = shelf.log(shelf.split.test_from), shelf.future
    return {
        "people": len(shelf.users) - 1,
        "items": len(shelf.items) - 1,
        "interactions_before_the_test": len(past.user),
        "interactions_in_the_test": len(future.user),
        "impressions": len(shelf.dataset.impressions),
    }
