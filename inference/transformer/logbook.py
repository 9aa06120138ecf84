"""Slates on their way to the log: over the spool, so that no answer waits for the broker."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hidden_gems.events.records import Slate
from hidden_gems.events.topics import IMPRESSIONS
from hidden_gems.streaming.broker import Message, Producer
from hidden_gems.streaming.spool import Spool
from inference.shell.exported import gauge

SPOOL_PENDING = gauge("gems_spool_pending")
SPOOL_DROPPED = gauge("gems_spool_dropped")


@contextmanager
def logbook(folder: Path, producer: Producer) -> Iterator[Callable[[Slate], None]]:
    """A way to log slates; what the broker has not taken at the end waits in the folder for the next process.

    Args:
        folder: Of the spool.
        producer: Of the broker.
    """
    spool = Spool(folder, producer)
    SPOOL_PENDING.set_function(spool.pending)
    SPOOL_DROPPED.set_function(spool.dropped)

    def log(slate: Slate) -> None:
        """A slate that names nobody lies under its own id, so that such slates are spread over the partitions."""
        spool.append(Message(IMPRESSIONS, slate.user_id or slate.slate_id, slate.to_json()))

    try:
        yield log
    finally:
        spool.close()
