"""What the models that count or solve share: choose settings one after the other, save and load."""

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.models.protocol import Recommender

_SETTINGS_FILE, _ARRAYS_FILE = "settings.json", "arrays.npz"


@dataclass
class Tuned(Recommender):
    """A recommender whose settings are its fields; `choose` sets those that it chooses.

    Args:
        Settings of the subclass, plain values; what is given is what `forget_choice` goes back to.
    """

    def __post_init__(self) -> None:
        self._given = self.settings

    @property
    def settings(self) -> dict[str, Any]:
        """Settings by name, those that were chosen included."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.init}

    def forget_choice(self) -> None:
        """Go back to the settings that were given."""
        for name, value in self._given.items():
            setattr(self, name, value)

    def climb(self, grid: Mapping[str, Sequence[Any]], value: Callable[[], float]) -> float:
        """Choose one setting after the other, in the order of the grid, keeping what went before.

        Args:
            grid: Options of each setting; what is set already is one of them, and stays unless another is better.
            value: How good the settings are as they are now, higher is better; NaN is worst.

        Returns:
            The best value.
        """
        best = value()
        for name, options in grid.items():
            kept = getattr(self, name)
            for option in options:
                if option == getattr(self, name):
                    continue
                setattr(self, name, option)
                found = value()
                if found > best or np.isnan(best):
                    best, kept = found, option
            setattr(self, name, kept)
        return best

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, by name."""

    @abstractmethod
    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `arrays` gave."""

    def save(self, folder: Path) -> None:
        """Write the settings and what was learned into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _SETTINGS_FILE).write_text(json.dumps(self.settings, indent=2) + "\n", encoding="utf-8")
        np.savez(folder / _ARRAYS_FILE, allow_pickle=False, **self.arrays())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        model = cls(**json.loads((folder / _SETTINGS_FILE).read_text(encoding="utf-8")))
        with np.load(folder / _ARRAYS_FILE) as file:
            model.restore({name: file[name] for name in file.files})
        return model
