"""Cut-offs, and the answer sheet of each: who is judged on what, made once for every model."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from hidden_gems.benchmark.shelf import Shelf
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.split import TimeSplit, split_by_time
from hidden_gems.evaluation import beyond_accuracy as beyond
from hidden_gems.evaluation.metrics import Flags
from hidden_gems.evaluation.protocols import Negatives, Slates, draw_negatives
from hidden_gems.evaluation.truth import Truth, truth_after
from hidden_gems.training.labels import impression_labels
from hidden_gems.training.training_set import label_window

FIRST_SHARE = 0.6  # of the interactions before the first of several cut-offs
RANK_SHARE = 0.2  # of the interactions between a cut-off and the start of its ranker's slice
NEW_BELOW = 5  # an item with fewer interactions before the cut-off is new
GROUPS = 12  # groups of items with a figure of their own, those with most interactions
_REPEATS_MATTER = 0.01  # share of the answers that are repeats


@dataclass(frozen=True)
class Window:
    """One cut-off and how far its test goes."""

    split: TimeSplit
    until: int | None = None  # first second after the test; None: to the end

    @property
    def name(self) -> str:
        """For files."""
        return f"{self.split.test_from}-{'end' if self.until is None else self.until}"


def rolling_windows(dataset: Dataset, cutoffs: int) -> list[Window]:
    """Cut-offs at evenly spaced quantiles of the interactions from 60 % on; each test lasts until the next one.

    One cut-off is that of `split_by_time`, at 80 %. Cut-offs that fall on the same moment are one.

    Raises:
        BadInputError: If there is to be none.
    """
    if cutoffs < 1:
        raise BadInputError(f"there must be at least 1 cut-off, got {cutoffs}")
    if cutoffs == 1:
        return [Window(split_by_time(dataset))]
    shares = np.linspace(FIRST_SHARE, 1.0, cutoffs + 1)[:-1].round(9).tolist()
    splits = {}
    for share in shares:
        split = split_by_time(dataset, round(share - RANK_SHARE, 9), RANK_SHARE)
        splits[split.test_from] = split
    ends = [*list(splits)[1:], None]
    return [Window(split, end) for split, end in zip(splits.values(), ends, strict=True)]


@dataclass(frozen=True)
class Setting:
    """One full-catalogue setting: who is judged on what.

    Notation: B people.
    """

    name: str  # "new places" or "with repeats"
    repeat: bool
    truth: Truth
    negatives: Negatives
    next_item: Rows  # the first relevant item that the person came to after the cut-off, B


@dataclass(frozen=True)
class Sheet:
    """Everything the models of one cut-off are judged by.

    Notation: U people and I items with their unknown rows 0.
    """

    window: Window
    settings: tuple[Setting, ...]
    slates: Slates | None
    marks: pd.DataFrame  # the impressions of `slates`
    events: Rows  # positive interactions of each person before the cut-off, U
    counts: Rows  # of each item before the cut-off, I
    known: Rows  # people who know each item, I
    tail: Flags  # I
    rare: Flags  # I
    types: Rows  # type of each item, -1 where unknown, I
    groups: Rows  # place of each item in `group_names`, -1 for none, I
    group_names: tuple[str, ...]
    answers: int  # positive interactions in the test
    notes: tuple[str, ...]

    @classmethod
    def of(cls, shelf: Shelf, window: Window, seed: int) -> Self:
        """Look at what happened after the cut-off; the shelf must have the window's split."""
        past = shelf.log(window.split.test_from)
        test = shelf.dataset.between(window.split.test_from, window.until)
        future = Interactions.of(test, shelf.users, shelf.items)
        notes: list[str] = []
        settings = _settings(shelf, window, future, seed, notes)
        slates, marks = _slates(shelf, test, window)
        counts = np.bincount(past.item, minlength=past.items)
        recent = _recent(past, shelf.dataset.about.order_only)
        pairs = np.unique(past.user * past.items + past.item)
        groups, names = item_groups(shelf)
        return cls(
            window=window,
            settings=settings,
            slates=slates,
            marks=marks,
            events=np.bincount(past.user, minlength=past.users),
            counts=counts,
            known=np.bincount(pairs % past.items, minlength=past.items),
            tail=np.concatenate([[False], beyond.tail_items(counts[1:])]),
            rare=np.concatenate([[False], beyond.rare_items(recent[1:])]),
            types=shelf.item_groups,
            groups=groups,
            group_names=names,
            answers=len(future.user),
            notes=tuple(notes),
        )

    def new_items(self, below: int) -> Flags:
        """Items with fewer interactions before the cut-off, I; the unknown item is none."""
        found: Flags = self.counts < below
        found[0] = False
        return found


def item_groups(shelf: Shelf) -> tuple[Rows, tuple[str, ...]]:
    """The `GROUPS` neighbourhoods with most interactions, or types where no neighbourhood is known."""
    table = shelf.dataset.items
    column = "neighborhood" if table["neighborhood"].notna().any() else "type"
    met = shelf.items.rows(shelf.dataset.interactions["item_id"].tolist())
    weight = pd.Series(np.bincount(met, minlength=len(shelf.items))[1:]).groupby(table[column].to_numpy()).sum()
    ordered = weight.sort_index().sort_values(ascending=False, kind="stable")
    names = tuple(str(name) for name in ordered.index[:GROUPS])
    place = {name: row for row, name in enumerate(names)}
    return np.array([-1, *(place.get(str(name), -1) for name in table[column])], dtype=np.int64), names


def _settings(shelf: Shelf, window: Window, future: Interactions, seed: int, notes: list[str]) -> tuple[Setting, ...]:
    past, found = shelf.all_feedback(window.split.test_from), []
    for name, repeat in (("new places", False), ("with repeats", True)):
        truth = truth_after(past, future, repeat)
        found.append(Setting(name, repeat, truth, draw_negatives(truth, seed), _next_items(truth, future)))
    new, every = (setting.truth.relevant.nnz for setting in found)
    if every and (every - new) / every < _REPEATS_MATTER:
        notes.append("People hardly come back to the same item here, so figures with repeats are left out.")
        found.pop()
    return tuple(found)


def _next_items(truth: Truth, future: Interactions) -> Rows:
    """The first relevant item of each person who is judged, B; of equal times the first in the order of the data."""
    place = np.full(future.users, -1)
    place[truth.users] = np.arange(len(truth.users))
    row, item = place[future.user], future.item
    judged = row >= 0
    row, item = row[judged], item[judged]
    relevant = np.asarray(truth.relevant[row, item]).ravel() > 0 if len(row) else np.empty(0, dtype=bool)
    people, first = np.unique(row[relevant], return_index=True)
    found = np.zeros(len(truth.users), dtype=np.int64)
    found[people] = item[relevant][first]
    return found


def _slates(shelf: Shelf, test: Dataset, window: Window) -> tuple[Slates | None, pd.DataFrame]:
    """Slates of the test with final labels; None where there are none."""
    shown = test.impressions
    end = shelf.dataset.now if window.until is None else window.until
    if not shown.empty:
        span = label_window(TimeSplit(window.split.test_from, end))
        labels = impression_labels(shown, test.interactions, end, span)
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


def _recent(past: Interactions, order_only: bool) -> Rows:
    """Interactions of each item in the last 30 days, or of all time for an order, I."""
    late = np.ones(len(past.timestamp), dtype=bool)
    if not order_only and len(past.timestamp):
        late = past.timestamp > past.timestamp.max() - beyond.RECENT_DAYS * DAY_SECONDS
    return np.bincount(past.item[late], minlength=past.items)
