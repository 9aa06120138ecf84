"""Examples to learn from: meetings, when they were asked for, negatives out of a person's own history."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.held_out import REPEATS_MATTER
from hidden_gems.models.traces import MEETING_SECONDS
from hidden_gems.training.negatives import NO_NEGATIVE

AHEAD_SECONDS = 7 * DAY_SECONDS
"""How long before a meeting it may have been asked for."""

RETURNS_START = 0.7
"""Weight at first of the logarithm of each kernel's own visits, where people come back."""


def meetings(log: Interactions) -> Interactions:
    """The first interaction of each meeting with the best reward of all of it; unknown rows 0 are left out.

    What a person does with an item within `MEETING_SECONDS` of the last time is the same meeting. Otherwise a model
    would learn that a click is followed by a visit of the same item, which says nothing about where to go next.
    """
    known = log.part((log.user > 0) & (log.item > 0))
    if log.order_only or not len(known.user):
        return known
    keys = known.user * known.items + known.item
    order = np.argsort(keys, kind="stable")
    apart = np.diff(known.timestamp[order]) >= MEETING_SECONDS
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(keys[order]) != 0) | apart]))
    reward = np.maximum.reduceat(known.reward[order], starts)
    first = order[starts]
    at = np.argsort(first)
    return replace(known.part(first[at]), reward=reward[at])


def requests(when: Moments, random: np.random.Generator, share: float) -> Moments:
    """When each meeting was asked for: at its moment, or, for some, up to `AHEAD_SECONDS` before it.

    People are asked, and models judged, at one moment for the days that follow. A model that learns from the moments of
    meetings alone takes the hour and what was done minutes ago for all that matters.

    Args:
        when: Moment of each meeting, B.
        random: Source of the draws.
        share: Share of those that are asked for earlier; of an earlier moment only the time is known.
    """
    early = random.random(len(when)) < share
    earlier = when.timestamp - (random.random(len(when)) * AHEAD_SECONDS).astype(np.int64)
    asked = Moments.at(np.maximum(earlier, 0))
    both = {
        name: np.where(early, getattr(asked, name), getattr(when, name))
        for name in ("timestamp", "weather", "temperature_c", "mood")
    }
    return Moments(**both)


def come_back(met: Interactions) -> bool:
    """Whether people come back to the same items often enough to learn from it."""
    pairs = len(np.unique(met.user * met.items + met.item))
    return pairs <= (1.0 - REPEATS_MATTER) * len(met.user)


def own_negatives(history: Rows, met: Rows, count: int, random: np.random.Generator) -> Rows:
    """Items of each history that were not gone to this time, drawn by their frequency in it.

    Args:
        history: Item rows, padded on the left with 0, size B X L.
        met: Item that was gone to, size B.
        count: Draws each.
        random: Source of the draws.

    Returns:
        Item rows, int64, size B X count; `NO_NEGATIVE` where the history is empty or the item itself was drawn.
    """
    length = (history > 0).sum(axis=1, keepdims=True)
    place = history.shape[1] - 1 - (random.random((len(met), count)) * length).astype(np.int64)
    drawn = np.take_along_axis(history, place, axis=1)
    return np.where(drawn == met[:, None], NO_NEGATIVE, drawn)


def log_chance(item: Rows, history: Rows, own: int, uniform: float) -> NDArray[np.float32]:
    """Logarithm of how often an item is drawn as a negative, 0 for one that the person does not know, B X N.

    Taken off the logits while learning, it makes those of known and of new items comparable: the loss alone would teach
    the odds among what was drawn.

    Args:
        item: Candidates, size B X N.
        history: Item rows, size B X L.
        own: Draws from the history.
        uniform: Draws of one item that is not known: negatives a positive by items.

    Source:
        Bengio and Senecal (2008), Adaptive Importance Sampling to Accelerate Training of a Neural Probabilistic
        Language Model; here for binary cross-entropy.
    """
    if not own:
        return np.zeros(item.shape, dtype=np.float32)
    length = np.maximum((history > 0).sum(axis=1, keepdims=True), 1)
    times = np.stack([(history == column[:, None]).sum(axis=1) for column in item.T], axis=1) * (item > 0)
    chance = np.where(times > 0, own * times / length / uniform, 1.0)
    return np.log(chance).astype(np.float32)
