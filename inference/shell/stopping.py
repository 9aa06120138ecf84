"""How a process that works in a loop is told to end, and ends even where it hangs."""

import signal
import threading

GRACE_SECONDS = 10


def told_to_stop(grace_seconds: int = GRACE_SECONDS) -> threading.Event:
    """An event that SIGTERM and Ctrl-C set, for the main thread to look at.

    A process that has not ended by itself so many seconds later is ended by SIGALRM: a client that waits for a broker
    which is gone as well would keep it, and nobody may be left to kill it. What it had not committed comes again.
    """
    stopping = threading.Event()

    def tell(*_: object) -> None:
        signal.alarm(grace_seconds)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, tell)
    return stopping
