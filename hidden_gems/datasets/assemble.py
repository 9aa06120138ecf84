"""From the good rows of each file to one dataset: rewards, everyone and everything known, pseudonyms."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.core.ids import Pseudonyms
from hidden_gems.events.kinds import KINDS, reward_of


def rewards(event_type: pd.Series, value: pd.Series) -> NDArray[np.float64]:
    """Reward of each event, float64, size E; from the one table of `events.kinds`."""
    reward = np.array(event_type.map({name: reward_of(name) for name in KINDS}), dtype=np.float64)
    for name, kind in KINDS.items():
        if kind.needs_value and kind.feedback:
            of_kind = (event_type == name).to_numpy()
            worth = {given: reward_of(name, given) for given in value[of_kind].unique()}
            reward[of_kind] = value[of_kind].map(worth).to_numpy(np.float64)
    return reward


def complete_items(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Items in the order of their file, then those known from interactions and impressions by first appearance."""
    items = tables["items"]
    appeared = pd.concat([tables[name]["item_id"] for name in ("interactions", "impressions")]).drop_duplicates()
    unlisted = appeared[~appeared.isin(items["item_id"])]
    return _with_rows(items, "item_id", pd.concat([items["item_id"], unlisted]))


def complete_users(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Users by first appearance in interactions, then in impressions, then in the order of their file."""
    names = ("interactions", "impressions", "users")
    return _with_rows(
        tables["users"], "user_id", pd.concat([tables[name]["user_id"] for name in names]).drop_duplicates()
    )


def _with_rows(table: pd.DataFrame, key: str, ids: pd.Series) -> pd.DataFrame:
    rows = table.set_index(key).reindex(pd.Index(ids, dtype=object, name=key)).reset_index()[list(table.columns)]
    texts = {str(name): rows[name].where(rows[name].notna(), None) for name in rows if rows[name].dtype == object}
    return rows.assign(**texts)  # a missing text is None, not NaN


def pseudonymise(tables: dict[str, pd.DataFrame], pseudonyms: Pseudonyms | None) -> dict[str, str]:
    """Replace person ids in `tables` by pseudonyms, or keep them if there are none.

    Returns:
        The id as it came for each id that now stands in the tables.
    """
    ids = tables["users"]["user_id"].tolist()
    new = {user: user if pseudonyms is None else pseudonyms.of(user) for user in ids}
    if pseudonyms is not None:
        for name in ("interactions", "users", "impressions"):
            tables[name] = tables[name].assign(user_id=tables[name]["user_id"].map(new).astype(object))
    return {pseudonym: user for user, pseudonym in new.items()}
