"""The last checkpoint of a run: whole or not there, and only taken up by the run that wrote it."""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from hidden_gems.core.addresses import filesystem
from hidden_gems.core.errors import BadInputError

CHECKPOINT_FILE = "last.pt"
_PARTIAL = f"{CHECKPOINT_FILE}.partial"


class Checkpoints:
    """One file in a folder, replaced by every checkpoint.

    What is being written has another name until it is whole, so a write that was interrupted leaves the checkpoint
    before it. (A bucket has no renaming: there the whole object is copied to its name.)

    Args:
        folder: Any fsspec address, as `runs/a`, `memory://runs/a` or `s3://bucket/runs/a`.
        identity: Plain values that say which run this is.
    """

    def __init__(self, folder: str | Path, identity: Mapping[str, Any]) -> None:
        self.identity = dict(identity)
        self.folder = str(folder)
        self.files, self.path = filesystem(folder)

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace the checkpoint.

        Args:
            state: Tensors and plain values, nested in dictionaries and lists.
        """
        content = io.BytesIO()
        torch.save({**state, "identity": self.identity}, content)
        self.files.makedirs(self.path, exist_ok=True)
        partial = f"{self.path}/{_PARTIAL}"
        self.files.pipe_file(partial, content.getvalue())
        self.files.mv(partial, f"{self.path}/{CHECKPOINT_FILE}")

    def read(self) -> dict[str, Any] | None:
        """What was written last, on the CPU; None where nothing was.

        Raises:
            BadInputError: If the checkpoint cannot be read, or another run wrote it.
        """
        file = f"{self.path}/{CHECKPOINT_FILE}"
        if not self.files.exists(file):
            return None
        advice = "remove it, or name another folder for checkpoints"
        try:
            state = torch.load(io.BytesIO(self.files.cat_file(file)), map_location="cpu", weights_only=True)
            identity = dict(state["identity"])
        except (RuntimeError, ValueError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
            raise BadInputError(f"{CHECKPOINT_FILE} in {self.folder} is no checkpoint of ours; {advice}") from error
        if identity != self.identity:
            names = sorted(identity.keys() | self.identity.keys())
            differ = ", ".join(name for name in names if identity.get(name) != self.identity.get(name))
            raise BadInputError(f"the checkpoint in {self.folder} belongs to another run ({differ} differ); {advice}")
        return dict(state)
