"""A dataset without what was known of people before they were erased."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from hidden_gems.datasets.dataset import Dataset


def without_erased(dataset: Dataset, moments: Mapping[str, float]) -> Dataset:
    """The same people and items, without the interactions and impressions of some up to a moment of each.

    Args:
        dataset: Its people are pseudonyms.
        moments: Epoch seconds at which each person was erased.
    """
    if not moments:
        return dataset

    def cut(table: pd.DataFrame) -> pd.DataFrame:
        until = table["user_id"].map(moments).astype(np.float64).fillna(-np.inf)
        return table[(table["timestamp"].astype(np.float64) > until).to_numpy()].reset_index(drop=True)

    people = set(dataset.users["user_id"]) - (set(moments) - set(cut(dataset.interactions)["user_id"]))
    users = dataset.users[dataset.users["user_id"].isin(people)].reset_index(drop=True)
    return replace(dataset, users=users, interactions=cut(dataset.interactions), impressions=cut(dataset.impressions))
