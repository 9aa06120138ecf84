"""What models know beside who met what: attributes, places, types and neighbourhoods of items, homes of people."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.datasets.contract import DEFAULT_TIMEZONE
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.interactions import Rows
from hidden_gems.features.attributes import attribute_vectors

_FILE = "facts.npz"


@dataclass(frozen=True)
class ItemFacts:
    """Facts about I items, the unknown item 0 included, and how the times of their log are read."""

    attributes: NDArray[np.float32]  # `features.attributes`, zeros for the unknown item, I X A
    place: NDArray[np.float64]  # degrees of latitude and longitude, NaN where unknown, I X 2
    kind: Rows  # number of the type, from 1; 0 is unknown, I
    area: Rows  # number of the neighbourhood, from 1; 0 is unknown, I
    timezone: str = DEFAULT_TIMEZONE  # IANA name
    order_only: bool = False  # times are only an order
    person: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    """What is known about each person: language, local or visitor, one-hot; U X B, or no rows where nothing is."""
    home: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    """Degrees of latitude and longitude of the middle of each home neighbourhood's items, NaN where unknown, U X 2."""

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """Facts about the items of a dataset, in the order of its table."""
        items = dataset.items
        return cls(
            attributes=attribute_vectors(items).vectors,
            place=np.vstack([[np.nan, np.nan], items[["lat", "lon"]].to_numpy(np.float64)]),
            kind=_numbers(items["type"]),
            area=_numbers(items["neighborhood"]),
            timezone=dataset.about.timezone,
            order_only=dataset.about.order_only,
            person=_people(dataset.users),
            home=_homes(dataset.users, items),
        )

    @classmethod
    def none(cls, items: int) -> Self:
        """Nothing known about any item; `items` counts the unknown one."""
        nothing = np.zeros(items, dtype=np.int64)
        return cls(np.zeros((items, 0), dtype=np.float32), np.full((items, 2), np.nan), nothing, nothing)

    def __len__(self) -> int:
        return len(self.attributes)

    def save(self, folder: Path) -> None:
        """Write into `folder`."""
        np.savez(folder / _FILE, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(folder / _FILE) as file:
            values = {field.name: file[field.name] for field in fields(cls)}
        return cls(**values | {"timezone": str(values["timezone"]), "order_only": bool(values["order_only"])})


def _numbers(words: "pd.Series[str]") -> Rows:
    """Number of each word in alphabetical order, from 1, with 0 for the unknown item in front."""
    codes, _ = pd.factorize(words, sort=True)
    return np.concatenate([[0], codes + 1]).astype(np.int64)


def _people(users: pd.DataFrame) -> NDArray[np.float32]:
    """Language and whether they are local, one-hot, zeros for the unknown person 0, U X B."""
    words = users[["language", "is_local"]].astype("string")
    columns = pd.get_dummies(words).to_numpy(np.float32)
    return np.vstack([np.zeros((1, columns.shape[1]), dtype=np.float32), columns])


def _homes(users: pd.DataFrame, items: pd.DataFrame) -> NDArray[np.float64]:
    """Middle of the items in each person's home neighbourhood, NaN for the unknown person 0, U X 2."""
    middles = items.groupby("neighborhood")[["lat", "lon"]].mean()
    homes = middles.reindex(users["home_neighborhood"]).to_numpy(np.float64)
    return np.vstack([[np.nan, np.nan], homes])
