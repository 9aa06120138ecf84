"""Windows of histories: every interaction is learned from once an epoch, long histories in parts."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Interactions, Rows


def by_person(log: Interactions) -> Interactions:
    """A log sorted by person, oldest first; what happened to the unknown rows 0 is left out."""
    known = np.flatnonzero((log.user > 0) & (log.item > 0))
    return log.part(known[np.argsort(log.user[known], kind="stable")])


@dataclass(frozen=True)
class Batch:
    """Windows that are learned from in one step; N events are to be predicted, over all windows."""

    history: Rows  # what the encoder reads, 0 where padded on the left, B X L
    ages: NDArray[np.float32]  # of these events at the last prediction of the window, B X L
    at: Rows  # places among B * L from which the predictions are made, N
    target: Rows  # events to be predicted, places in the log, N


@dataclass(frozen=True)
class Windows:
    """Cuts a log that is sorted by person.

    Notation: E interactions, B windows of a step, L their length, N predictions, R events before each.

    Args:
        log: Interactions sorted by person (`by_person`).
        length: Events that an encoder reads at most.
        batch: Predictions a step, roughly.
        session_days: Days that a window spans at most; None for no limit, which is also so for an order.
    """

    log: Interactions
    length: int
    batch: int
    session_days: float | None = None

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return max(1, round(len(self.log.user) / self.batch))

    @cached_property
    def starts(self) -> Rows:
        """First event of the person of each event, E."""
        first = np.searchsorted(self.log.user, self.log.user, side="left")
        return first.astype(np.int64)

    def cut(self, random: np.random.Generator) -> list[NDArray[np.int64]]:
        """Windows of an epoch as rows of (first event read, first event predicted, last event predicted).

        Long histories are cut at places that are drawn anew each epoch; a fifth of a window is only read, so that its
        first predictions have something before them. Windows of a step have about the same length.
        """
        read = self.length // 5
        segment = self._segments(random)
        events = np.arange(len(segment))
        first = np.searchsorted(segment, segment, side="left")
        size = np.searchsorted(segment, segment, side="right") - first
        span = self.length - read
        offset = np.where(size > span, random.integers(span, size=len(segment))[first], 0)
        begins = (events == first) | ((events - first + offset) % span == 0)
        start = np.flatnonzero(begins)
        end = np.append(start[1:], len(segment)) - 1
        earliest = np.maximum(start - read, self.starts[start])
        if self._session_seconds is not None:
            since = self.log.timestamp[end] - self._session_seconds
            earliest = np.maximum(earliest, np.minimum(start, self._first_since(start, since, read)))
        rows = np.column_stack([earliest, start, end])
        order = random.permutation(len(rows))
        order = order[np.argsort((end - earliest)[order], kind="stable")]
        upto = np.cumsum((end - start + 1)[order])
        cuts = np.searchsorted(upto, np.arange(1, self.steps) * (upto[-1] / self.steps))
        return np.split(rows[order], cuts)

    def read(self, windows: NDArray[np.int64]) -> Batch:
        """What is read and predicted in some windows, rows as `cut` gives them."""
        earliest, start, end = (column[:, None] for column in windows.T)
        length = int((end - earliest + (earliest == start)).max())
        place = end - np.arange(length, 0, -1)  # B X L
        there = place >= earliest
        asked = place + 1 >= start
        target, place = (place + 1)[asked], np.maximum(place, 0)
        ago = self.log.timestamp[end] - self.log.timestamp[place]
        if self.log.order_only:
            ago = np.broadcast_to(np.arange(length, 0, -1), place.shape)
        return Batch(
            history=np.where(there, self.log.item[place], 0),
            ages=np.where(there, ago, 0).astype(np.float32),
            at=np.flatnonzero(asked),
            target=target,
        )

    def before(self, target: Rows, length: int) -> tuple[Rows, NDArray[np.float32]]:
        """The last events before each prediction and how long before it they were, padded on the left, N X R."""
        place = target[:, None] - np.arange(length, 0, -1)
        there = place >= self.starts[target][:, None]
        place = np.maximum(place, 0)
        ago = self.log.timestamp[target][:, None] - self.log.timestamp[place]
        if self.log.order_only:
            ago = np.broadcast_to(np.arange(length, 0, -1), place.shape)
        return np.where(there, self.log.item[place], 0), np.where(there, ago, 0).astype(np.float32)

    @property
    def _session_seconds(self) -> float | None:
        return None if self.session_days is None or self.log.order_only else self.session_days * DAY_SECONDS

    def _segments(self, random: np.random.Generator) -> Rows:
        """Number of the person, and of the span of days where sessions have a limit, of each event, ascending, E."""
        if self._session_seconds is None:
            return self.log.user
        phase = random.random(self.log.users)[self.log.user]
        span = np.floor(self.log.timestamp / self._session_seconds + phase).astype(np.int64)
        new = (np.diff(self.log.user, prepend=-1) != 0) | (np.diff(span, prepend=-1) != 0)
        return np.cumsum(new)

    def _first_since(self, start: Rows, since: NDArray[np.float64], read: int) -> Rows:
        """First of the `read` events before each window that is not older than allowed."""
        place = start[:, None] - np.arange(read, 0, -1)
        old = (place < self.starts[start][:, None]) | (self.log.timestamp[np.maximum(place, 0)] < since[:, None])
        first: Rows = start - read + old.sum(axis=1)
        return first
