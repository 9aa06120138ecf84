"""Folders at any fsspec address: on this machine, in memory, in a bucket."""

import os
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import fsspec

from hidden_gems.core.errors import BadInputError

AT_ONCE = 16
"""Files that whoever goes through many reads side by side: in a bucket each takes some round trips."""


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
        return _s3(os.environ.get("AWS_ENDPOINT_URL") or None), path.rstrip("/")
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
    root = str(address).rstrip("/")
    found = [each for each in folder.rglob("*") if each.is_file()]
    for path in sorted(found, key=lambda each: (each == folder / last, each)):
        put(path, f"{root}/{path.relative_to(folder).as_posix()}")


def put(path: Path, address: str) -> str:
    """Copy a file of this machine to an address, which is given back; what is there is replaced."""
    files, target = filesystem(address)
    files.makedirs(target.rpartition("/")[0], exist_ok=True)
    files.put_file(str(path), target)
    return address


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
    found = _find(files, root)
    if not found:
        raise BadInputError(f"there is no file at {address}")
    for name in found:
        target = folder / name.removeprefix(root).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        files.get_file(name, str(target))
    return folder


def files_below(address: str | Path, suffix: str = "") -> list[str]:
    """Addresses of the files below a folder, in order, without hidden ones; none where there is no such folder.

    Raises:
        OSError: If the bucket cannot be reached.
    """
    if is_local(address):
        found = [str(path) for path in Path(address).rglob(f"*{suffix}") if path.is_file()]
    else:
        files, root = filesystem(address)
        protocol = str(address).partition("://")[0]
        found = [f"{protocol}://{name.lstrip('/')}" for name in _find(files, root) if name.endswith(suffix)]
    return sorted(each for each in found if not each.rpartition("/")[2].startswith("."))


def reading(address: str | Path) -> IO[bytes]:
    """A file, open to be read anywhere in it; close it.

    Raises:
        OSError: If it is not there, or cannot be reached.
    """
    files, path = filesystem(address)
    found: IO[bytes] = files.open(path, "rb")
    return found


def write_whole(address: str | Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Write a file, or replace one; it is there as it was or as it is to be, never in between.

    Args:
        address: Of the file. In a bucket it is one object, which appears at once; on this machine its bytes are on the
            disk before it has its name.
        fill: Writes the content.

    Raises:
        OSError: If the disk, or the bucket, does not take it.
    """
    if not is_local(address):
        files, name = filesystem(address)
        content = BytesIO()
        fill(content)
        files.pipe_file(name, content.getvalue())
        return
    path = Path(address)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def remove(address: str | Path) -> None:
    """Remove a file; one that is gone already is no error."""
    if is_local(address):
        Path(address).unlink(missing_ok=True)
        return
    files, path = filesystem(address)
    if files.exists(path):
        files.rm_file(path)


def remove_folder(address: str) -> None:
    """Remove a folder with all that is in it; one that is gone already is no error."""
    files, path = filesystem(address)
    if files.exists(path):
        files.rm(path, recursive=True)


def _find(files: Any, root: str) -> list[str]:
    """Paths below a root. Left to itself fsspec finds nothing where a bucket does not answer."""

    def failed(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    found: list[str] = files.find(root, on_error=failed)
    return found


@cache
def _s3(endpoint: str | None) -> Any:
    """One for all: each looks for the region and the keys anew, and keeps connections of its own."""
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import S3FileSystem

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return ArrowFSWrapper(S3FileSystem(region=region, endpoint_override=endpoint))
