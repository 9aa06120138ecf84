"""Split a dataset by time: first what models learn from, then what the ranker learns from, then what judges both."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.dataset import Dataset


@dataclass(frozen=True)
class TimeSplit:
    """Three slices of time; every time is the first second of the next slice."""

    rank_from: int  # models that are features of the ranker saw only what came before
    test_from: int  # nothing before the release saw what comes from here on


def split_by_time(dataset: Dataset, model_share: float = 0.6, rank_share: float = 0.2) -> TimeSplit:
    """Cut at quantiles of the interactions' timestamps; equal timestamps are never torn apart.

    Where many timestamps are equal, the cuts move so that no slice is empty that need not be: with two different
    timestamps the ranker's slice is empty, with one (or one interaction) everything is the models' and both others are
    empty.

    Args:
        dataset: A checked dataset with at least one interaction.
        model_share: Share of the interactions before the ranker's slice, 0 to 1.
        rank_share: Share of the interactions in the ranker's slice; the rest is the test.
    """
    return split_times(dataset.interactions["timestamp"].to_numpy(np.int64), model_share, rank_share)


def split_times(times: NDArray[np.int64], model_share: float = 0.6, rank_share: float = 0.2) -> TimeSplit:
    """`split_by_time` of the timestamps of the interactions, oldest first, size E."""
    distinct = np.unique(times)
    last = len(distinct) - 1
    if last == 0:
        after = int(distinct[0]) + 1
        return TimeSplit(rank_from=after, test_from=after)
    rank_at, test_at = (
        int(np.searchsorted(distinct, times[int(np.ceil(share * (len(times) - 1)))]))
        for share in (model_share, round(model_share + rank_share, 9))  # sums of tenths as they are meant
    )
    test_at = max(test_at, min(2, last))
    rank_at = min(max(rank_at, 1), max(test_at - 1, 1))
    return TimeSplit(rank_from=int(distinct[rank_at]), test_from=int(distinct[test_at]))
