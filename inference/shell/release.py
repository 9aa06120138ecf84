"""Follow a pointer to releases: load beside the old one, check, swap a reference."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from hidden_gems.core.errors import PartUnavailableError, ReleaseError
from hidden_gems.export.release import Release, load, pointed
from inference.shell.metrics import RELEASE, RELEASE_REFUSED
from inference.shell.pulling import pulled
from inference.shell.settings import ServerSettings

T = TypeVar("T")
Load = Callable[[Path, Release], T]
"""Makes what is served out of a release's folder."""
POLL_SECONDS = 1.0
_log = logging.getLogger("gems")


@dataclass(frozen=True)
class Held(Generic[T]):
    """A release, and what was loaded from it."""

    release: Release
    folder: Path
    value: T

    @property
    def version(self) -> str:
        """Name of the release."""
        return self.release.version


class ReleaseWatcher(Generic[T]):
    """What is loaded of the pointed release, kept up to date by a thread.

    A request should take `current` once and use it to its end. The release before stays at hand, for requests of
    servers that have not turned yet and for a quick way back.

    Args:
        folder: Holds the releases and the pointers.
        pointer: Its name, stable or canary.
        load: Makes what is served out of a release's folder; runs in the watcher's thread, but for the first.
        poll_seconds: How often the pointer is read.
        accept: Refuses a release by raising ReleaseError.
    """

    def __init__(
        self,
        folder: Path,
        pointer: str,
        load: Load[T],
        *,
        poll_seconds: float = POLL_SECONDS,
        accept: Callable[[Release], None] = lambda release: None,
    ) -> None:
        self._folder, self._pointer, self._load = folder, pointer, load
        self._poll_seconds, self._accept = poll_seconds, accept
        self._held: tuple[Held[T], ...] = ()
        self._refused: tuple[str, int] | None = None
        self._wake, self._ended, self._looking = threading.Event(), threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._follow, name="releases", daemon=True)

    def start(self) -> "ReleaseWatcher[T]":
        """Load the pointed release and follow the pointer from now on.

        Raises:
            ReleaseError: If there is none, or it is not whole.
        """
        folder = pointed(self._folder, self._pointer)
        if folder is None:
            raise ReleaseError(f"{self._folder / self._pointer} names no release: train one first")
        self._swap(self._read(folder))
        self._thread.start()
        return self

    def stop(self) -> None:
        """Follow no longer; what is loaded stays."""
        self._ended.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def current(self) -> Held[T]:
        """What the pointer names, or named last if that could not be loaded."""
        return self._held[0]

    @property
    def held(self) -> tuple[Held[T], ...]:
        """The current one, then the one before if there was one."""
        return self._held

    def of(self, version: str | None) -> Held[T]:
        """A release that is held; the current one for None.

        Raises:
            PartUnavailableError: If it is not held; the pointer is then read again at once.
        """
        held = self._held
        if version is None:
            return held[0]
        for each in held:
            if each.version == version:
                return each
        self._wake.set()
        raise PartUnavailableError("release", "this server does not hold the release that is asked for")

    def check(self) -> bool:
        """Read the pointer once, and turn to another release if it names one; whether it did."""
        with self._looking:
            return self._check()

    def _check(self) -> bool:
        try:
            folder = pointed(self._folder, self._pointer)
            if folder is None or folder.name == self.current.version:
                self._refused = None
                return False
            mark = (folder.name, (self._folder / self._pointer).stat().st_mtime_ns)
        except OSError as error:  # in the middle of a rename by another file system, or away: look again later
            _log.warning("the pointer %s cannot be read: %s", self._pointer, error)
            return False
        if mark == self._refused:
            return False
        try:
            known = [each for each in self._held if each.version == folder.name]
            self._swap(known[0] if known else self._read(folder))
        except Exception as error:  # whatever is wrong with it, the one that works goes on
            self._refused = mark
            RELEASE_REFUSED.inc()
            _log.error("release %s is refused, %s goes on: %s", folder.name, self.current.version, error)
            return False
        self._refused = None
        _log.info("release %s answers from now on", folder.name)
        return True

    def _read(self, folder: Path) -> Held[T]:
        release = load(folder)
        if release.version != folder.name:
            raise ReleaseError(f"{folder} says of itself that it is release {release.version}")
        self._accept(release)
        return Held(release, folder, self._load(folder, release))

    def _swap(self, new: Held[T]) -> None:
        before = self._held[:1]
        self._held = (new, *before)
        for each in before:
            RELEASE.labels(each.version).set(0)
        RELEASE.labels(new.version).set(1)

    def _follow(self) -> None:
        while not self._ended.is_set():
            self._wake.wait(self._poll_seconds)
            self._wake.clear()
            if not self._ended.is_set():
                self.check()


def local_only(environment: str) -> Callable[[Release], None]:
    """Refuse what was trained on simulated data anywhere but in `local`."""

    def accept(release: Release) -> None:
        if release.dataset.simulated and environment != "local":
            raise ReleaseError(f"release {release.version} was trained on simulated data: refused in {environment!r}")

    return accept


def watch(settings: ServerSettings, load: Load[T]) -> ReleaseWatcher[T]:
    """The pointed release of a server's settings, and those after it; see `ReleaseWatcher` and `pulling`."""
    pulled(settings)
    return ReleaseWatcher(
        settings.release_folder(),
        settings.pointer,
        load,
        poll_seconds=settings.release_poll_seconds,
        accept=local_only(settings.environment),
    ).start()
