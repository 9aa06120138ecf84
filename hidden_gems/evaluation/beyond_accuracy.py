"""What a list is worth beyond its hits: how much of the catalogue it shows, how known, how varied.

Notation: B people, k places, I items. Lists hold item rows, -1 where a list is short; short places never count.
"""

import numpy as np

from hidden_gems.evaluation.metrics import Flags, Floats, Rows

RARE_BELOW = 0.1  # of the most popular item's interactions
HEAD_SHARE = 0.1  # of the items
RECENT_DAYS = 30


def rare_items(recent: Rows) -> Flags:
    """Items with fewer than a tenth of the most popular item's interactions of the last 30 days (`rare`).

    Args:
        recent: Interactions of each item in the last 30 days, I.

    Examples:
        >>> rare_items(np.array([100, 10, 9, 0])).tolist()
        [False, False, True, True]
    """
    return np.asarray(recent < RARE_BELOW * max(recent.max(initial=0), 1))


def tail_items(counts: Rows) -> Flags:
    """Items outside the most popular tenth of the catalogue (`tail`); the head has at least one item.

    Equal counts at the border are settled by row: the lower row is in the head.

    Args:
        counts: Interactions of each item, I.

    Examples:
        >>> tail_items(np.array([1, 5, 2])).tolist()
        [True, False, True]
    """
    head = max(1, round(HEAD_SHARE * len(counts)))
    tail = np.ones(len(counts), dtype=bool)
    tail[np.argsort(-counts, kind="stable")[:head]] = False
    return tail


def share_in(lists: Rows, flags: Flags) -> Floats:
    """Share of each list that is flagged, over the places that are filled; B X k and I give B, NaN for empty lists."""
    filled = lists >= 0
    hits = (flags[np.maximum(lists, 0)] & filled).sum(axis=1)
    return _mean(hits.astype(np.float64), filled.sum(axis=1))


def novelty(lists: Rows, counts: Rows, users: int) -> Floats:
    """Mean self-information of the items in a list, in bits: log2(people / people who know the item).

    An item that nobody knows counts as known to one person, so the most a place can give is log2(people).

    Args:
        lists: B X k.
        counts: People who know each item, I.
        users: People in all.

    Source:
        Zhou et al. (2010), Solving the apparent diversity-accuracy dilemma of recommender systems.
    """
    bits = np.log2(max(users, 1) / np.maximum(counts, 1))
    filled = lists >= 0
    return _mean((bits[np.maximum(lists, 0)] * filled).sum(axis=1), filled.sum(axis=1))


def popularity_lift(lists: Rows, counts: Rows) -> Floats:
    """Mean interactions of the items in a list, over those of the item of a mean interaction.

    1: a list is as popular as what people choose anyway; below: it leads off the beaten track. NaN for empty lists and
    where nothing has happened yet.

    Args:
        lists: B X k.
        counts: Interactions of each item, I.

    Examples:
        >>> popularity_lift(np.array([[0], [1], [2]]), np.array([3, 1, 0])).tolist()
        [1.2, 0.4, 0.0]

    Source:
        Jannach et al. (2015), What recommenders recommend, measures the mean popularity; here relative to the log's.
    """
    total = counts.sum()
    usual = (counts.astype(np.float64) ** 2).sum() / total if total else np.nan
    filled = lists >= 0
    return _mean((counts[np.maximum(lists, 0)] * filled).sum(axis=1) / usual, filled.sum(axis=1))


def intra_list_diversity(lists: Rows, groups: Rows) -> Floats:
    """Share of pairs in a list that belong to different groups (types of places).

    Args:
        lists: B X k.
        groups: Group of each item, -1 where unknown, I; pairs with an unknown group are left out.

    Returns:
        0 to 1, size B; NaN where a list has no pair of known groups.

    Source:
        Ziegler et al. (2005), Improving recommendation lists through topic diversification, with distance 0 or 1.
    """
    of = np.where(lists >= 0, groups[np.maximum(lists, 0)], -1)  # B X k
    first, second = np.triu_indices(lists.shape[1], k=1)
    known = (of[:, first] >= 0) & (of[:, second] >= 0)
    differ = (of[:, first] != of[:, second]) & known
    return _mean(differ.sum(axis=1).astype(np.float64), known.sum(axis=1))


def coverage(lists: Rows, items: int) -> float:
    """Share of the catalogue that is in any list; NaN for an empty catalogue."""
    return len(np.unique(lists[lists >= 0])) / items if items else float("nan")


def gini(exposure: Rows) -> float:
    """Gini index of how often each item is shown: 0 all alike, towards 1 all exposure on one item.

    Args:
        exposure: Places of each item of the catalogue over all lists, never-shown ones included, I.

    Examples:
        >>> gini(np.array([1, 1, 1, 1])), gini(np.array([0, 0, 0, 4]))
        (0.0, 0.75)

    Source:
        Gini (1912), from sorted values; not corrected for the size of the catalogue.
    """
    total = exposure.sum()
    if not total:
        return float("nan")
    places = np.arange(1, len(exposure) + 1)
    return float(((2 * places - len(exposure) - 1) * np.sort(exposure)).sum() / (len(exposure) * total))


def _mean(total: Floats, count: Rows) -> Floats:
    mean: Floats = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return mean
