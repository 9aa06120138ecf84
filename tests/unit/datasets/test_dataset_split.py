"""Cuts in time: the boundaries, ties, and data too small to cut."""

import pandas as pd
import pytest

from hidden_gems.datasets.dataset import About, Dataset
from hidden_gems.datasets.split import TimeSplit, split_by_time


def dataset(times: list[int], order_only: bool = False) -> Dataset:
    table = pd.DataFrame({"user_id": "u", "item_id": "g", "timestamp": times})
    about = About(name="city", timezone="UTC", fingerprint="", order_only=order_only)
    return Dataset(interactions=table, items=table, users=table, impressions=table, about=about)


def sizes(times: list[int], **shares: float) -> tuple[int, int, int]:
    data = dataset(times)
    split = split_by_time(data, **shares)
    slices = (
        data.before(split.rank_from),
        data.between(split.rank_from, split.test_from),
        data.between(split.test_from, None),
    )
    assert sum(len(part.interactions) for part in slices) == len(times)
    return tuple(len(part.interactions) for part in slices)  # type: ignore[return-value]


def test_the_cuts_are_at_60_and_80_percent() -> None:
    times = list(range(1000, 1011))
    assert split_by_time(dataset(times)) == TimeSplit(rank_from=1006, test_from=1008)
    assert sizes(times) == (6, 2, 3)
    assert sizes(list(range(1001))) == (600, 200, 201)


def test_the_shares_can_be_others() -> None:
    assert sizes(list(range(101)), model_share=0.8, rank_share=0.1) == (80, 10, 11)
    assert sizes(list(range(12)), model_share=0.5, rank_share=0.25) == (6, 3, 3)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([5], (1, 0, 0)),
        ([5, 5, 5, 5], (4, 0, 0)),
        ([1, 2], (1, 0, 1)),
        ([1, 1, 1, 1, 1, 1, 1, 1, 2], (8, 0, 1)),
        ([1, 2, 2, 2, 2, 2, 2, 2], (1, 0, 7)),
        ([1, 2, 3], (1, 1, 1)),
        ([1, 1, 1, 1, 1, 1, 1, 2, 3], (7, 1, 1)),
        ([1, 2, 3, 3, 3, 3, 3, 3, 3], (1, 1, 7)),
        ([1, 2, 2, 2, 2, 2, 2, 2, 3], (1, 7, 1)),
        ([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3], (6, 4, 1)),
        ([1, 2, 3, 4], (2, 1, 1)),
    ],
)
def test_equal_times_stay_together_and_no_slice_is_empty_that_need_not_be(
    times: list[int], expected: tuple[int, int, int]
) -> None:
    assert sizes(times) == expected


def test_one_moment_is_all_for_the_models() -> None:
    assert split_by_time(dataset([7, 7])) == TimeSplit(rank_from=8, test_from=8)


def test_times_that_are_an_order_are_cut_in_the_same_way() -> None:
    assert split_by_time(dataset(list(range(11)), order_only=True)) == TimeSplit(rank_from=6, test_from=8)
