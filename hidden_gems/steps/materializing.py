"""The step that brings everyone's rows up to the archive, every night, beside a learner that goes on."""

import tempfile
from pathlib import Path

from hidden_gems.core.addresses import here
from hidden_gems.core.clock import Clock
from hidden_gems.core.errors import BadInputError
from hidden_gems.core.home import gems_home
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.datasets.blank import blank
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.history import with_history
from hidden_gems.datasets.validation import check_folder
from hidden_gems.steps.learning import materialize_dataset

UNWRITTEN_SECONDS = 900
"""What happened within so long may not be in the archive yet."""


def materialize_archive(
    data: str, history: str, redis: str, address: str | Path, timezone: str, clock: Clock
) -> dict[str, int]:
    """Materialize the rows as of the last moment that the archive knows all of.

    Rows that the learner has written since are newer, and stay.

    Args:
        data: Dataset folder that the archive goes on from, any fsspec address; empty if it goes on from nothing.
        history: Address of the archive; empty for the dataset alone.
        redis: `host:port`; see `RedisAccess.told`.
        address: Folder of the offline rows; see `learning.materialize_features`.
        timezone: IANA name; local hours are read with it.
        clock: Of who wrote the archive.

    Returns:
        users, items, and rows replaced; 0 of each where nothing has happened yet.

    Raises:
        BadInputError: If neither is given, or the dataset cannot be read.
        PartUnavailableError: If Redis or the registry does not answer.
    """
    if not data and not history:
        raise BadInputError("there is nothing to materialize: name a dataset, the archive, or both")
    dataset = _dataset(data, timezone)
    if not history:
        return materialize_dataset(dataset, redis, address)
    dataset = with_history(dataset, history)
    if dataset.interactions.empty:
        return {"users": 0, "items": 0, "replaced": 0}
    last = max(int(table["timestamp"].max()) for table in (dataset.interactions, dataset.impressions) if len(table))
    at = min(last + 1, int(clock.now()) - UNWRITTEN_SECONDS)
    return materialize_dataset(dataset, redis, address, at)


def _dataset(data: str, timezone: str) -> Dataset:
    if not data:
        return blank("history", timezone)
    with tempfile.TemporaryDirectory() as scratch:
        folder = here(data, Path(scratch))
        return check_folder(folder, timezone=timezone, pseudonyms=Pseudonyms.load(gems_home())).dataset
