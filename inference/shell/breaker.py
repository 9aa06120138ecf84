"""Stop asking a part that does not answer."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Breaker:
    """After some failures in a row calls are skipped for a while, then one probe is let through at a time.

    For one event loop or thread. Every call that `allows` let through must end in `succeeded`, `failed` or `abandoned`.

    Source: Nygard (2007), Release It!, chapter 5.

    Examples:
        >>> now = [0.0]
        >>> breaker = Breaker(failures=2, pause_seconds=1.0, monotonic=lambda: now[0])
        >>> breaker.failed(), breaker.allows(), breaker.failed(), breaker.allows()
        (None, True, None, False)
        >>> now[0] = 1.0
        >>> breaker.allows(), breaker.allows()
        (True, False)
        >>> breaker.succeeded()
        >>> breaker.allows()
        True
    """

    failures: int = 5  # in a row that open it
    pause_seconds: float = 1.0
    monotonic: Callable[[], float] = time.monotonic
    _failed: int = field(default=0, init=False)
    _until: float = field(default=0.0, init=False)  # monotonic seconds
    _probing: bool = field(default=False, init=False)

    @property
    def open(self) -> bool:
        """Whether calls are skipped, but for probes."""
        return self._failed >= self.failures

    def allows(self) -> bool:
        """Whether a call may be made now."""
        if not self.open:
            return True
        if self._probing or self.monotonic() < self._until:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The part answered."""
        self._failed, self._probing = 0, False

    def failed(self) -> None:
        """The part did not answer."""
        self._failed, self._probing = self._failed + 1, False
        self._until = self.monotonic() + self.pause_seconds

    def abandoned(self) -> None:
        """The caller went away before the part could answer."""
        self._probing = False
