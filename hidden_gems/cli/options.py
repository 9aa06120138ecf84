"""Options that several commands share, and the folders of a dataset's state."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from hidden_gems.core.errors import BadInputError
from hidden_gems.core.home import gems_home

DEFAULT_TIMEZONE = "Europe/Istanbul"

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="Dataset folder, see `gems data check`.")]
Timezone = Annotated[str, typer.Option("--timezone", help="IANA time zone of local hours.")]
MaxRejected = Annotated[float, typer.Option("--max-rejected", help="Largest share of bad rows in one file, 0 to 1.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Engine = Annotated[
    Literal["duckdb", "spark"],
    typer.Option("--engine", help="What labels and counts; the same rows. Spark needs the extra `scale`."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def check_out(out: Path, suffixes: Sequence[str]) -> None:
    """Find out before the work whether its result can be written.

    Raises:
        BadInputError: If the file has another suffix, is a folder, or would lie in a folder that is not there.
    """
    folder = out.absolute().parent
    if not out.name.endswith(tuple(suffixes)):
        raise BadInputError(f"--out {out} must end with {', '.join(suffixes)}")
    if out.is_dir():
        raise BadInputError(f"--out {out} is a folder; expected a file to write")
    if not folder.is_dir():
        raise BadInputError(f"--out {out}: the folder {folder} is not there")
    if not os.access(folder, os.W_OK):
        raise BadInputError(f"--out {out}: the folder {folder} cannot be written to")


@dataclass(frozen=True)
class Places:
    """Where the state of one dataset lives under `GEMS_HOME`; two folders of the same name do not share it."""

    root: Path  # everything of this dataset

    @classmethod
    def of(cls, folder: Path) -> "Places":
        """Places of the dataset in a folder."""
        address = folder.resolve()
        return cls(gems_home() / "data" / f"{address.name}-{hashlib.sha256(str(address).encode()).hexdigest()[:6]}")

    @classmethod
    def all(cls) -> "list[Places]":
        """Every dataset that this home knows."""
        return [cls(root) for root in sorted((gems_home() / "data").glob("*")) if root.is_dir()]

    @property
    def releases(self) -> Path:
        """Releases and their pointers."""
        return self.root / "releases"

    @property
    def runs(self) -> Path:
        """Pipeline runs."""
        return self.root / "runs"

    @property
    def redis(self) -> Path:
        """Data of the embedded Redis."""
        return self.root / "redis"

    @property
    def feast(self) -> Path:
        """Registry and offline files of Feast."""
        return self.root / "feast"

    @property
    def history(self) -> Path:
        """What the archiver keeps of the topics."""
        return self.root / "history"

    @property
    def learner(self) -> Path:
        """Journal and snapshots of the learner."""
        return self.root / "learner"

    @property
    def spool(self) -> Path:
        """What waits for the broker."""
        return self.root / "spool"

    @property
    def logs(self) -> Path:
        """Logs of the stack's processes."""
        return self.root / "logs"

    @staticmethod
    def mlflow() -> str:
        """Tracking address of MLflow, one for all datasets."""
        return f"sqlite:///{gems_home() / 'mlflow.db'}"


class Presets(StrEnum):
    """Sizes of the models."""

    AUTO = "auto"
    PLAN = "plan"
