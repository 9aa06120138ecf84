"""Fitted models and judgements on disk, so that an evaluation that was killed goes on where it was."""

import hashlib
import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Self

from hidden_gems.benchmark.members import Member, fit_member, load_member, save_member
from hidden_gems.benchmark.sheet import Window
from hidden_gems.benchmark.shelf import Shelf
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.split import TimeSplit
from hidden_gems.models.held_out import hold_out
from hidden_gems.models.size import Preset

_LEARNING = ("core", "datasets", "events", "features", "models", "training")
_JUDGING = (*_LEARNING, "benchmark", "evaluation", "recommend")


@dataclass(frozen=True)
class Cache:
    """Two folders: members by dataset, settings and the code that fits; judgements by these, `k` and all code.

    A changed dataset, setting or rule of judging never meets what was made before it.
    """

    root: Path
    fingerprint: str
    preset: Preset
    seed: int
    k: int
    learning: str  # hash of the code that fits
    judging: str  # hash of the code that fits and judges

    @classmethod
    def of(cls, root: Path, dataset: Dataset, preset: Preset, seed: int, k: int) -> Self:
        """A cache for one evaluation; the dataset is written into it for the processes that share it."""
        cache = cls(root, dataset.about.fingerprint, preset, seed, k, _hash(_LEARNING), _hash(_JUDGING))
        if not (cache.dataset / "dataset.json").exists():
            dataset.write(cache.dataset)
        return cache

    @property
    def dataset(self) -> Path:
        """Folder of the dataset."""
        return self.root / f"dataset-{_digest(self.fingerprint)}"

    @property
    def members(self) -> Path:
        """Folder of fitted models."""
        return self.root / f"members-{_digest(self.fingerprint, self.preset, self.seed, self.learning)}"

    @property
    def judgements(self) -> Path:
        """Folder of judgements."""
        return self.root / f"judged-{_digest(self.fingerprint, self.preset, self.seed, self.k, self.judging)}"

    def judgement(self, name: str, window: Window) -> Path:
        """Where a judgement is kept; without its suffix."""
        return self.judgements / window.name / name

    def is_judged(self, name: str, window: Window) -> bool:
        """Whether a judgement is there, to its end."""
        return self.judgement(name, window).with_suffix(".json").exists()

    def is_fitted(self, name: str, before: int) -> bool:
        """Whether a member is there, to its end."""
        return (self.members / str(before) / name).is_dir()

    def shelf(self, split: TimeSplit) -> Shelf:
        """An empty shelf with the dataset."""
        return Shelf(Dataset.read(self.dataset), split, self.seed, self.preset)

    def fitted(self, shelf: Shelf, name: str, before: int) -> Member:
        """A member out of the cache, else fitted and kept in it."""
        folder = self.members / str(before) / name
        if not folder.is_dir():
            log = shelf.log(before)
            member = fit_member(name, shelf.facts, log, preset=self.preset, seed=self.seed)
            draft = folder.with_name(f".{name}")
            shutil.rmtree(draft, ignore_errors=True)
            save_member(member, draft)
            draft.replace(folder)
        return self.load(shelf, name, before)

    def load(self, shelf: Shelf, name: str, before: int) -> Member:
        """A member out of the cache."""
        folder = self.members / str(before) / name
        log = shelf.log(before)
        return load_member(folder, name, shelf.facts, log, hold_out(log)[1])

    def clear(self) -> None:
        """Remove what this evaluation kept."""
        for folder in (self.dataset, self.members, self.judgements):
            shutil.rmtree(folder, ignore_errors=True)


def _digest(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:16]


def _hash(rooms: tuple[str, ...]) -> str:
    """Of all code in some rooms of the package."""
    found = hashlib.sha256()
    with resources.as_file(resources.files("hidden_gems")) as package:
        for room in rooms:
            for path in sorted((package / room).rglob("*.py")):
                found.update(path.relative_to(package).as_posix().encode())
                found.update(path.read_bytes())
    return found.hexdigest()
