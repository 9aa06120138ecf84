"""What all deep recommenders share: choose the number of epochs, learn again from everything, save and load."""

import hashlib
import json
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.interactions import Interactions
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.context import context_vectors
from hidden_gems.features.facts import ItemFacts
from hidden_gems.models.held_out import HeldOut
from hidden_gems.models.histories import Histories
from hidden_gems.models.protocol import Recommender
from hidden_gems.training.loop import Epoch, LoopConfig, Progress, Report, Task, train

_JUDGES, _JUDGED_CELLS = 512, 10_000_000  # people who judge every epoch, and scores: more cost more than they say
_PARAMETERS_FILE, SETTINGS_FILE = "parameters.pt", "settings.json"


class Settings(Protocol):
    """How a model is built and fitted: a frozen dataclass."""

    @property
    def loop(self) -> LoopConfig:
        """How long and how fast to learn."""
        ...


S = TypeVar("S", bound=Settings)
M = TypeVar("M", bound=nn.Module)


@dataclass
class DeepRecommender(Recommender, Generic[M, S]):
    """A torch module as a `Recommender`.

    `choose` learns until what was held out is ranked best; `refit` learns for as many epochs (for all of the loop's
    where nothing was chosen).

    Args:
        facts: What is known about the items of the log.
        settings: How to build and fit.
        checkpoint: Folder (any fsspec address) for checkpoints; a fit that was killed goes on from there.
        progress: Called after every step; once for the search of the epochs, once for the last fit.
        watch: Called after every epoch with its phase, `search` or `fit`.
    """

    name: ClassVar[str]
    """Name on the shelf."""

    facts: ItemFacts
    settings: S
    checkpoint: str | Path | None = None
    progress: Callable[[Progress], None] | None = None
    watch: Callable[[str, Epoch], None] | None = None
    module: M = field(init=False, repr=False, compare=False)
    """What learned, on the CPU and in evaluation mode."""
    reports: list[Report] = field(default_factory=list, init=False, repr=False, compare=False)
    """What the loop did: the search for the number of epochs, where there was one, and the last fit."""
    epochs: int | None = field(default=None, init=False, repr=False, compare=False)
    """Number of epochs that was chosen."""

    @abstractmethod
    def build(self, log: Interactions) -> M:
        """A module before it learned; torch's seed is set."""

    @abstractmethod
    def task(self, module: M, log: Interactions, held_out: HeldOut | None) -> Task:
        """What the loop trains on a log; `validate` judges by what was held out."""

    @abstractmethod
    def arrays(self) -> dict[str, Tensor]:
        """What scoring needs beside the parameters and the facts, by name."""

    @abstractmethod
    def restore(self, settings: dict[str, Any], arrays: dict[str, Tensor], parameters: dict[str, Tensor]) -> None:
        """Take back what was saved: settings as plain values, `arrays`, and build `module` for the parameters."""

    def finish(self, log: Interactions) -> None:
        """What is left to do when the module has learned, for example to keep the history of each person."""

    def forget_choice(self) -> None:
        """Go back to the loop's number of epochs."""
        self.epochs, self.reports = None, []

    def choose(self, early: Interactions, held_out: HeldOut) -> Self:
        """Learn from what came before until what was held out is ranked best, and keep the number of epochs."""
        self.reports = []
        report = self._learn(early, self.judges(held_out), self.settings.loop, "search")
        self.epochs = report.best_epoch
        return self

    def judges(self, held_out: HeldOut) -> HeldOut:
        """As many of the people held out as can be asked often."""
        return held_out.some(max(_JUDGES, _JUDGED_CELLS // len(self.facts)))

    def refit(self, log: Interactions) -> Self:
        """Learn from a log for the chosen number of epochs.

        Raises:
            BadInputError: If there is not one row of facts for each item of the log, or the log is empty.
        """
        loop = self.settings.loop if self.epochs is None else replace(self.settings.loop, epochs=self.epochs)
        self._learn(log, None, loop, "fit")
        return self

    def _learn(self, log: Interactions, held_out: HeldOut | None, loop: LoopConfig, phase: str) -> Report:
        if len(self.facts) != log.items:
            raise BadInputError(f"there must be facts about each of {log.items} items, got {len(self.facts)}")
        if not ((log.user > 0) & (log.item > 0)).any():
            raise BadInputError(f"the log has no positive interaction; {self.name} needs at least one")
        with torch.random.fork_rng():
            torch.manual_seed(loop.seed)
            module = self.build(log)
        self.module = module
        folder = None if self.checkpoint is None else f"{self.checkpoint}/{phase}"
        watch = None if self.watch is None else partial(self.watch, phase)
        identity = {} if folder is None else {"model": self.name, "settings": self.plain, "log": fingerprint(log)}
        task = self.task(module, log, held_out)
        report = train(task, loop, checkpoint=folder, progress=self.progress, watch=watch, identity=identity)
        self.reports.append(report)
        self.finish(log)
        return report

    @property
    def plain(self) -> dict[str, Any]:
        """The settings as values that JSON knows."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self.settings)))  # type: ignore[call-overload]
        return values

    def context(self, when: Moments) -> NDArray[np.float32]:
        """Context vector of each moment, float32, size B X C."""
        return context_vectors(when, self.facts.timezone, order_only=self.facts.order_only)

    def save(self, folder: Path) -> None:
        """Write parameters, facts and settings into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {"parameters": self.module.state_dict(), "arrays": self.arrays()}
        torch.save(state, folder / _PARAMETERS_FILE)
        self.facts.save(folder)
        about = {"model": self.name, "epochs": self.epochs, "settings": self.plain}
        (folder / SETTINGS_FILE).write_text(json.dumps(about, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        about = json.loads((folder / SETTINGS_FILE).read_text())
        state = torch.load(folder / _PARAMETERS_FILE, weights_only=True)
        model = cls.__new__(cls)
        model.facts, model.checkpoint, model.progress, model.watch = ItemFacts.load(folder), None, None, None
        model.reports, model.epochs = [], about["epochs"]
        model.restore(about["settings"], state["arrays"], state["parameters"])
        model.module.load_state_dict(state["parameters"])
        model.module.eval()
        return model


def tensor(array: NDArray[Any]) -> Tensor:
    """An array as a tensor that shares its memory where it can."""
    return torch.from_numpy(np.ascontiguousarray(array))


def saved_histories(arrays: dict[str, Tensor], facts: ItemFacts) -> Histories:
    """Histories out of the arrays of a saved model."""
    return Histories.from_arrays({name: array.numpy() for name, array in arrays.items()}, order_only=facts.order_only)


def untrained(rows: int, seen: NDArray[np.int64]) -> Tensor:
    """Rows of a table that learned nothing, row 0 included."""
    return tensor(np.setdiff1d(np.arange(rows), seen))


def fingerprint(log: Interactions) -> str:
    """SHA-256 of what a log says about who did what when."""
    digest = hashlib.sha256(f"{log.users} {log.items} {log.order_only}".encode())
    for column in (log.user, log.item, log.timestamp, log.reward):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()
