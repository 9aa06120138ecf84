"""Split a dataset by time: first what models learn from, then what the ranker learns from, then what judges both."""

from dataclasses import dataclass

import numpy as np

from hidden_gems.datasets.dataset import Dataset


@dataclass(frozen=True)
class TimeSplit:
    """Three slices of time; every time is the first second of the next slice."""

    rank_from: int  # models that are features of the ranker saw only what came before
    test_from: int  # nothing before the release saw what comes from here on


def split_by_time(dataset: Dataset, model_share: float = 0.6, rank_share: float = 0.2) -> TimeSplit:
    """Cut at quantiles of the interactions' timestamps.

    Args:
        dataset: A checked dataset with at least one interaction.
        model_share: Share of the interactions before the ranker's slice, 0 to 1.
        rank_share: Share of the interactions in the ranker's slice; the rest is the test.
    """
    times = dataset.interactions["timestamp"].to_numpy()
    last = len(times) - 1
    rank_at, test_at = (int(np.ceil(share * last)) for share in (model_share, model_share + rank_share))
    return TimeSplit(rank_from=int(times[rank_at]), test_from=int(times[test_at]))
