"""The factories' datasets with every column of the contract, as the reader leaves them."""

from dataclasses import replace

import numpy as np
import pandas as pd

from hidden_gems.datasets.contract import FILES
from hidden_gems.datasets.dataset import TABLES, Dataset
from tests import factories

_DTYPES = {"number": "float64", "time": "float64", "integer": "float64"}


def _complete(name: str, table: pd.DataFrame) -> pd.DataFrame:
    missing = [column for column in FILES[name] if column.name not in table]
    empty = {
        c.name: pd.Series(np.nan if c.kind in _DTYPES else None, table.index, _DTYPES.get(c.kind, object))
        for c in missing
    }
    return table.assign(**empty)


def complete(dataset: Dataset) -> Dataset:
    """The same dataset with the columns that are missing, null everywhere."""
    return replace(dataset, **{name: _complete(name, getattr(dataset, name)) for name in TABLES})


def rich_dataset(**sizes: int) -> Dataset:
    """`factories.rich_dataset`, complete."""
    return complete(factories.rich_dataset(**sizes))


def plain_dataset() -> Dataset:
    """`factories.plain_dataset`, complete."""
    return complete(factories.plain_dataset())
