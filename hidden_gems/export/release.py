"""A release: the immutable folder that training hands to serving."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hidden_gems.core.errors import ReleaseError
from hidden_gems.datasets.dataset import About

MANIFEST = "release.json"
POINTERS = ("stable", "canary", "demo")
"""Names of pointers; `demo` is what `gems demo` answers from by itself, and nobody else."""


@dataclass(frozen=True)
class Release:
    """What `release.json` says.

    Source: `docs/contract.md` §6.
    """

    version: str  # date of creation and a counter, "2026-05-04.1"
    created: str  # ISO 8601, UTC
    git_sha: str  # of the code that made it; empty outside a checkout
    dataset: About
    seed: int
    feature_service: str
    models: tuple[str, ...]  # in the order of the rows of the served graph's scores
    metrics: Mapping[str, Any]
    decision: Mapping[str, Any]  # of the gate: promote, reasons
    files: Mapping[str, str] = field(default_factory=dict)  # path inside the folder -> sha256
    policy_estimate: Mapping[str, Any] = field(
        default_factory=dict
    )  # of its own policy; empty: made before there was one


def publish(
    folder: Path,
    fill: Callable[[Path], None],
    describe: Callable[[str, str], Release],
    now: float,
    taken: Collection[str] = (),
) -> Path:
    """Make a release under `folder`, complete or not at all.

    Args:
        folder: Where the releases of one dataset live.
        fill: Writes everything but `release.json` into the path it is given.
        describe: Makes the description from (version, created); its `files` are filled in here.
        now: Epoch seconds; their UTC date is the first half of the version.
        taken: Versions that are elsewhere and may not be given again.

    Returns:
        Folder of the release, `folder/version`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    moment = datetime.fromtimestamp(now, UTC)
    draft = folder / f".draft-{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        fill(draft)
        for counter in range(1, 10_000):
            version = f"{moment:%Y-%m-%d}.{counter}"
            target = folder / version
            if target.exists() or version in taken:
                continue
            release = describe(version, moment.isoformat(timespec="seconds"))
            write_manifest(replace(release, files=hash_files(draft)), draft)
            draft.rename(target)
            return target
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    raise ReleaseError(f"{folder} already has 9,999 releases of {moment:%Y-%m-%d}")


def write_manifest(release: Release, folder: Path) -> None:
    """Write `release.json`."""
    content = json.dumps(asdict(release), indent=2, sort_keys=True, allow_nan=False)
    (folder / MANIFEST).write_text(content + "\n")


def read_manifest(text: str, where: str) -> Release:
    """Read what `write_manifest` wrote; `where` is for the error.

    Raises:
        ReleaseError: If it is none.
    """
    try:
        content = json.loads(text)
        about = About(**content.pop("dataset"))
        return Release(dataset=about, **content | {"models": tuple(content["models"])})
    except (ValueError, TypeError, KeyError) as error:
        raise ReleaseError(f"{where} cannot be read: {error}") from error


def load(folder: Path) -> Release:
    """Read a release and check every file against its hash.

    Raises:
        ReleaseError: If there is none, or a file is missing, changed or not listed.
    """
    try:
        release = read_manifest((folder / MANIFEST).read_text(), str(folder / MANIFEST))
    except FileNotFoundError as error:
        raise ReleaseError(f"{folder} is no release: it has no {MANIFEST}") from error
    found = hash_files(folder)
    wrong = sorted(name for name in {*found, *release.files} if found.get(name) != release.files.get(name))
    if wrong:
        raise ReleaseError(f"release {release.version}: {wrong[0]} is not what {MANIFEST} lists ({len(wrong)} in all)")
    return release


def point(folder: Path, pointer: str, version: str) -> None:
    """Let `pointer` name `version`, by rename, so that a reader sees the old or the new one.

    Whether a release may become a canary is asked where that is decided: `depot.name`, `steps.rollout`.

    Raises:
        ReleaseError: If the release is not whole, or the pointer's name is unknown.
    """
    if pointer not in POINTERS:
        raise ReleaseError(f"no pointer {pointer!r}; there are {', '.join(POINTERS)}")
    load(folder / version)
    draft = folder / f".{pointer}-{os.getpid()}"
    draft.write_text(version + "\n")
    draft.replace(folder / pointer)


def pointed(folder: Path, pointer: str = "stable") -> Path | None:
    """Folder of the release that `pointer` names, None where it names none."""
    path = folder / pointer
    return folder / path.read_text().strip() if path.exists() else None


def hash_files(folder: Path) -> dict[str, str]:
    """Hash every file below `folder` but the manifest, by its path inside."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
