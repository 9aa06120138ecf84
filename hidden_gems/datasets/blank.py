"""A dataset of nothing, for what follows to be joined to."""

import pandas as pd

from hidden_gems.datasets.contract import FILES
from hidden_gems.datasets.dataset import About, Dataset
from hidden_gems.datasets.fingerprint import fingerprint
from hidden_gems.datasets.rows import empty_frame


def blank(name: str, timezone: str) -> Dataset:
    """Nobody and nothing, in the columns and types of every dataset; its `now` is not defined.

    Args:
        name: Of the dataset.
        timezone: IANA name; local hours are read with it.
    """
    tables = {table: empty_frame(table) for table in FILES}
    tables["interactions"]["reward"] = pd.Series(dtype="float64")
    return Dataset(**tables, about=About(name, timezone, fingerprint(tables)))
