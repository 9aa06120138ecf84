"""Releases come from an address: a thread keeps the folder that everything here reads like it."""

import logging
import threading
from dataclasses import dataclass, field

from hidden_gems.core.errors import HiddenGemsError
from hidden_gems.export.release import point
from inference.shell.settings import ReleaseSettings

_log = logging.getLogger("gems")


@dataclass
class Pulling:
    """Follows a pointer at an address, and all of its errors: the release that is here goes on.

    Args:
        settings: Of a process.
    """

    settings: ReleaseSettings
    _ended: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def start(self) -> "Pulling":
        """Return as soon as the pointer here names a release; follow from then on.

        Where nothing is named there, and a starter is wanted, the pointer here names the starter.
        """
        waited = False
        while not self._look():
            if self.settings.starter:
                _start(self.settings)
                _log.info("%s names no release yet: the starter answers", self.settings.releases_from)
                break
            if not waited:
                _log.warning("%s names no release yet: waiting", self.settings.releases_from)
            waited = True
            self._ended.wait(self.settings.pull_seconds)
        self._thread = threading.Thread(target=self._follow, name="pulling", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Follow no longer."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        while not self._ended.wait(self.settings.pull_seconds):
            self._look()

    def _look(self) -> bool:
        """Bring the pointer here up to date; whether it names a release now."""
        from hidden_gems.export import depot

        folder, pointer = self.settings.release_folder(), self.settings.pointer
        try:
            return depot.follow(self.settings.releases_from, folder, pointer)
        except (HiddenGemsError, OSError, ValueError) as error:  # away, or torn: what is here goes on
            _log.warning("releases cannot be pulled from %s: %s", self.settings.releases_from, error)
            return (folder / pointer).exists()


def pulled(settings: ReleaseSettings) -> None:
    """Where releases come from an address, return once there is one here, which is followed from then on.

    Also writes the starter where releases are in a folder that has none, and a starter is wanted.
    """
    if settings.releases_from:
        Pulling(settings).start()
    elif settings.starter and not (settings.release_folder() / settings.pointer).exists():
        _start(settings)


def _start(settings: ReleaseSettings) -> None:
    from hidden_gems.export.starter import VERSION, write_starter  # whoever has a release does not need the catalogue

    write_starter(settings.release_folder())
    point(settings.release_folder(), settings.pointer, VERSION)
