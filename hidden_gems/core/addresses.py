"""Folders at any fsspec address: on this machine, in memory, in a bucket."""

import os
from pathlib import Path
from typing import Any

import fsspec

from hidden_gems.core.errors import BadInputError


def is_local(address: str | Path) -> bool:
    """Whether an address is a folder of this machine, so that nothing has to be copied."""
    return "://" not in str(address)


def filesystem(address: str | Path) -> tuple[Any, str]:
    """The fsspec file system of an address, and the path in it.

    `s3://` goes through pyarrow, which every environment has; it reads the usual AWS variables, and
    `AWS_ENDPOINT_URL` for a store that is not Amazon's.

    Raises:
        BadInputError: If nothing here knows the protocol of the address.

    Examples:
        >>> filesystem("memory://runs/a")[1]
        '/runs/a'
    """
    protocol, _, path = str(address).partition("://")
    if protocol in ("s3", "s3a") and path:
        return _s3(), path.rstrip("/")
    try:
        files, path = fsspec.core.url_to_fs(str(address))
    except (ValueError, ImportError) as error:
        raise BadInputError(f"{address} is no address that can be used here: {error}") from error
    return files, path.rstrip("/")


def store(folder: Path, address: str | Path, last: str = "") -> None:
    """Copy the files of a folder on this machine to an address; files of the same name are replaced.

    Args:
        folder: Of this machine.
        address: Where to.
        last: Path in the folder of the file that is copied after all others, which says that they are there.
    """
    files, root = filesystem(address)
    found = [each for each in folder.rglob("*") if each.is_file()]
    for path in sorted(found, key=lambda each: (each == folder / last, each)):
        target = f"{root}/{path.relative_to(folder).as_posix()}"
        files.makedirs(target.rpartition("/")[0], exist_ok=True)
        files.put_file(str(path), target)


def here(address: str | Path, scratch: Path) -> Path:
    """A folder of this machine with what is at an address: itself, or a copy in `scratch` under the same name.

    Raises:
        BadInputError: If there is nothing at an address that is no folder of this machine.
    """
    if is_local(address):
        return Path(address)
    return fetch(address, scratch / str(address).rstrip("/").rpartition("/")[2])


def fetch(address: str | Path, folder: Path) -> Path:
    """Copy the files at an address into a folder on this machine.

    Returns:
        The folder.

    Raises:
        BadInputError: If there is nothing.
    """
    files, root = filesystem(address)
    found = files.find(root)
    if not found:
        raise BadInputError(f"there is no file at {address}")
    for name in found:
        target = folder / name.removeprefix(root).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        files.get_file(name, str(target))
    return folder


def _s3() -> Any:
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import S3FileSystem

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return ArrowFSWrapper(S3FileSystem(region=region, endpoint_override=os.environ.get("AWS_ENDPOINT_URL") or None))
