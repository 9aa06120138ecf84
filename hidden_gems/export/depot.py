"""Releases at an address that no process can list as a folder: pushed whole, pulled whole, pointers beside them."""

import logging
import shutil
from pathlib import Path

from hidden_gems.core.addresses import fetch, filesystem, is_local, store
from hidden_gems.core.errors import BadInputError, ReleaseError
from hidden_gems.evaluation.gates import canary_refused
from hidden_gems.export.release import MANIFEST, POINTERS, Release, load, point, read_manifest

_log = logging.getLogger("gems")


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


def described(address: str, version: str) -> Release:
    """What a release at an address says of itself; its files are not looked at.

    Raises:
        ReleaseError: If the version is not there, or its description cannot be read.
    """
    files, root = filesystem(address)
    path = f"{root}/{version}/{MANIFEST}"
    if not files.exists(path):
        raise ReleaseError(f"{address} has no release {version}")
    return read_manifest(files.cat_file(path).decode(), f"{address.rstrip('/')}/{version}/{MANIFEST}")


def check_canary(address: str, version: str, without_estimate: bool = False) -> bool:
    """Whether a release that may become a canary has an estimate of its own policy; see `gates.canary_refused`.

    Args:
        address: Of the releases of one dataset, any fsspec address.
        version: Of the release.
        without_estimate: Somebody said that it may have none; that it has none is logged.

    Raises:
        ReleaseError: If it may not, or is not there.
    """
    estimate = described(address, version).policy_estimate
    refused = canary_refused(estimate, without_estimate)
    if refused:
        raise ReleaseError(f"release {version} may not become a canary: {refused}; nothing was changed")
    if "value" not in estimate:
        _log.warning("release %s may become a canary without an estimate of its policy: somebody said so", version)
    return "value" in estimate


def name(address: str, pointer: str, version: str, without_estimate: bool = False) -> None:
    """Let a pointer at an address name a version that is there.

    Raises:
        ReleaseError: If the version is not there, the pointer's name is unknown, or `check_canary` refuses a canary.
    """
    if pointer not in POINTERS:
        raise ReleaseError(f"no pointer {pointer!r}; there are {', '.join(POINTERS)}")
    if pointer == "canary":
        check_canary(address, version, without_estimate)
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
