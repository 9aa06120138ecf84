"""The release that a process is told to answer from, brought into its folder before it starts."""

import logging
import time

from hidden_gems.export.release import point
from inference.shell.settings import ReleaseSettings

AGAIN_SECONDS = 5.0
_log = logging.getLogger("gems")


def pulled(settings: ReleaseSettings) -> None:
    """Copy the release that `release` is the address of, and let the pointer of the folder name it.

    Where its store cannot be reached, it is asked again and again: the pod is not ready meanwhile. Without an address
    the folder is somebody else's; where it names no release and a starter is wanted, it gets the starter.

    Raises:
        ReleaseError: If there is no such release, or it is not whole.
    """
    if settings.release:
        point(settings.release_folder(), settings.pointer, _pull(settings))
    elif settings.starter and not (settings.release_folder() / settings.pointer).exists():
        from hidden_gems.export.starter import VERSION, write_starter  # it brings the catalogue

        write_starter(settings.release_folder())
        point(settings.release_folder(), settings.pointer, VERSION)
        _log.warning("no release is named: the starter answers")


def _pull(settings: ReleaseSettings) -> str:
    from hidden_gems.export import depot

    address, _, version = settings.release.rstrip("/").rpartition("/")
    while True:
        try:
            return depot.pull(address, version, settings.release_folder()).name
        except OSError as error:
            _log.warning("%s cannot be reached, trying again: %s", settings.release, error)
            time.sleep(AGAIN_SECONDS)
