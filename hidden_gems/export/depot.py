"""Releases at an address that no process can list as a folder: pushed whole, pulled whole, pointers beside them."""

import shutil
from pathlib import Path

from hidden_gems.core.addresses import fetch, filesystem, is_local, store
from hidden_gems.core.errors import BadInputError, ReleaseError
from hidden_gems.export.release import MANIFEST, POINTERS, load, point


def push(release: Path, address: str) -> str:
    """Copy a release of this machine to an address; the description comes last, so that a release is whole or none.

    Args:
        release: Its folder.
        address: Of the releases of one dataset, any fsspec address.

    Returns:
        Address of the release.

    Raises:
        ReleaseError: If it is not whole, or another one of its name is there.
    """
    load(release)
    target = f"{address.rstrip('/')}/{release.name}"
    files, root = filesystem(target)
    manifest, there = (release / MANIFEST).read_bytes(), f"{root}/{MANIFEST}"
    if files.exists(there):
        if files.cat_file(there) == manifest:
            return target
        raise ReleaseError(f"{target} is there already and is another release")
    store(release, target, last=MANIFEST)
    return target


def pull(address: str, version: str, folder: Path) -> Path:
    """Copy a release from an address into a folder of releases on this machine, where it is not there yet.

    Returns:
        Folder of the release.

    Raises:
        ReleaseError: If there is no whole release of that name.
    """
    target = folder / version
    if target.exists():
        return target
    draft = folder / f".pull-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(draft, ignore_errors=True)  # of a process that was killed
    try:
        fetch(f"{address.rstrip('/')}/{version}", draft)
    except BadInputError as error:
        raise ReleaseError(f"{address} has no release {version}: {error}") from error
    load(draft)
    draft.rename(target)
    return target


def name(address: str, pointer: str, version: str) -> None:
    """Let a pointer at an address name a version that is there.

    Raises:
        ReleaseError: If the version is not there, or the pointer's name is unknown.
    """
    if pointer not in POINTERS:
        raise ReleaseError(f"no pointer {pointer!r}; there are {', '.join(POINTERS)}")
    if is_local(address):
        return point(Path(address), pointer, version)
    files, root = filesystem(address)
    if not files.exists(f"{root}/{version}/{MANIFEST}"):
        raise ReleaseError(f"{address} has no release {version}")
    files.pipe_file(f"{root}/{pointer}", f"{version}\n".encode())  # one object: readers see the old or the new one
    return None


def named(address: str, pointer: str = "stable") -> str | None:
    """Version that a pointer at an address names, None where there is none."""
    files, root = filesystem(address)
    path = f"{root}/{pointer}"
    return files.cat_file(path).decode().strip() if files.exists(path) else None


def versions(address: str) -> list[str]:
    """Names of the whole releases at an address, oldest first."""
    files, root = filesystem(address)
    if not files.exists(root):
        return []
    found = [path.rstrip("/").rpartition("/")[2] for path in files.ls(root, detail=False)]
    whole = [each for each in found if not each.startswith(".") and files.exists(f"{root}/{each}/{MANIFEST}")]
    return sorted(whole, key=_age)


def _age(version: str) -> tuple[str, int]:
    day, _, counter = version.rpartition(".")
    return day, int(counter) if counter.isdigit() else 0
