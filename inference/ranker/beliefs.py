"""Follow the learner's state, and go on with what is known when the store is away."""

import logging
import threading

from hidden_gems.core.errors import HiddenGemsError
from hidden_gems.core.kv import KeyValue
from hidden_gems.online.state import OnlineState, follow
from inference.shell.metrics import STATE_VERSION

_log = logging.getLogger("gems")


class StateFollower:
    """The newest online state there was, kept up to date by a thread.

    Args:
        keys: The store that the learner writes to.
        poll_seconds: How often its version is read.
    """

    def __init__(self, keys: KeyValue, poll_seconds: float) -> None:
        self._keys, self._poll_seconds = keys, poll_seconds
        self._state: OnlineState | None = None
        self._trouble = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="beliefs", daemon=True)

    @property
    def state(self) -> OnlineState | None:
        """The state, None while the store has never held one; it is replaced, never changed."""
        return self._state

    def start(self) -> "StateFollower":
        """Read the state once and follow it from now on."""
        self.check()
        self._thread.start()
        return self

    def stop(self) -> None:
        """Follow no longer; what is known stays."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def check(self) -> bool:
        """Look for a newer state once; whether there was one. Trouble is logged when it begins and when it ends."""
        try:
            newer = follow(self._keys, self._state)
        except HiddenGemsError as error:
            if not self._trouble:
                _log.error("the online state cannot be followed, the known one goes on: %s", error)
            self._trouble = str(error)
            return False
        if self._trouble:
            _log.info("the online state is followed again")
        self._trouble = ""
        if newer is None:
            return False
        self._state = newer
        STATE_VERSION.set(newer.version)
        return True

    def _follow(self) -> None:
        while not self._ended.wait(self._poll_seconds):
            self.check()
