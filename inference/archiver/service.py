"""Messages become rows, rows become files, and only then the broker is told that they were read."""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hidden_gems.core.clock import Clock
from hidden_gems.core.erasable import Erasable
from hidden_gems.core.erasures import moments
from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.core.kv import KeyValue
from hidden_gems.datasets.archive import (
    SCHEMAS,
    Row,
    checked_rows,
    impression_rows,
    interaction_rows,
    item_rows,
    known_since,
    write_parts,
)
from hidden_gems.events.records import BadRecordError, Interaction, ItemChange, Slate
from hidden_gems.events.topics import IMPRESSIONS, INTERACTIONS, ITEMS
from hidden_gems.privacy.compaction import compact, end_of_list
from hidden_gems.streaming.broker import Consumer, Message, Producer, Received
from hidden_gems.streaming.dead_letters import dead_letter
from inference.shell.exported import counter, gauge
from inference.shell.metrics import READY

GROUP = "archiver"
TOPICS = (INTERACTIONS, IMPRESSIONS, ITEMS)
POLL_SECONDS = 0.5
POLL_MESSAGES = 500
OVERFULL = 4
"""Times the rows of a flush after which nothing more is read until the disk takes them."""

ROWS = counter("gems_archiver_rows_total")
FILES = counter("gems_archiver_files_total")
DEAD = counter("gems_archiver_dead_letters_total")
WAITING = gauge("gems_archiver_waiting_rows")
LAG = gauge("gems_archiver_lag_messages")
REFUSED = counter("gems_archiver_erased_rows_total")
FORGOTTEN = counter("gems_archiver_forgotten_total")

_log = logging.getLogger("gems")


def rows_of(received: Received) -> tuple[str, list[Row]]:
    """Table and rows of a message.

    Raises:
        BadRecordError: If it cannot be read or does not fit its table.
    """
    if received.topic == INTERACTIONS:
        return "interactions", checked_rows("interactions", interaction_rows(Interaction.from_json(received.value)))
    if received.topic == IMPRESSIONS:
        return "impressions", checked_rows("impressions", impression_rows(Slate.from_json(received.value)))
    return "items", checked_rows("items", item_rows(ItemChange.from_json(received.value)))


@dataclass
class Archiver:
    """A member of the group `archiver`; several may share the topics."""

    folder: str | Path  # of the archive, any fsspec address
    consumer: Consumer
    producer: Producer  # of dead letters
    clock: Clock  # of the dead letters
    keys: KeyValue  # tells who was erased
    stores: Sequence[Erasable] = ()  # that forget them here
    flush_rows: int = 5_000
    flush_seconds: float = 10.0
    compact_seconds: float = 3_600.0
    monotonic: Callable[[], float] = time.monotonic
    _rows: dict[str, list[Row]] = field(init=False)
    _letters: list[Message] = field(init=False, default_factory=list)
    _flushed: float = field(init=False)  # on the monotonic clock
    _uncommitted: bool = field(init=False, default=False)
    _compact_at: float = field(init=False)  # on the monotonic clock

    def __post_init__(self) -> None:
        self._rows = {table: [] for table in SCHEMAS}
        self._flushed = self._compact_at = self.monotonic()

    def run(self, stopping: threading.Event) -> None:
        """Archive until told to stop, then write what is in memory."""
        try:
            while not stopping.is_set():
                self.step()
                READY.set(self.consumer.assigned())
            self.flush()
        finally:
            self.consumer.close()
            self.producer.close()

    def step(self) -> None:
        """Read what came, and write when it is time."""
        if self._waiting() < OVERFULL * self.flush_rows:
            for received in self.consumer.poll(POLL_SECONDS, POLL_MESSAGES):
                self._take(received)
            with suppress(PartUnavailableError):
                LAG.set(self.consumer.lag())
        else:
            time.sleep(POLL_SECONDS)
        WAITING.set(self._waiting())
        if self._waiting() >= self.flush_rows or self.monotonic() - self._flushed >= self.flush_seconds:
            self.flush()
        if self.monotonic() >= self._compact_at:
            self._compact()
            self._compact_at = self.monotonic() + self.compact_seconds

    def _compact(self) -> None:
        """Let the stores here forget who was erased, and the denylist those whom nothing can bring back."""
        try:
            for store, people in compact(self.stores, self.keys).items():
                FORGOTTEN.labels(store).inc(people)
            end_of_list(self.keys, self.clock.now())
        except PartUnavailableError as error:
            _log.error("not forgotten yet: %s", error)

    def flush(self) -> bool:
        """Write rows, send dead letters, commit; whether all of it succeeded. What did not is tried again next time."""
        self._flushed = self.monotonic()
        if not self._uncommitted:
            return True
        try:
            for table, rows in self._rows.items():
                rows[:] = self._allowed(rows)
                if rows:
                    FILES.labels(table).inc(len(write_parts(self.folder, table, rows)))
                    ROWS.labels(table).inc(len(rows))
                    rows.clear()
            if self._letters:
                self.producer.send(self._letters)
                self._letters.clear()
            self.consumer.commit()
        except (OSError, PartUnavailableError) as error:
            _log.error("not archived yet: %s", error)
            return False
        self._uncommitted = False
        WAITING.set(0)
        return True

    def _take(self, received: Received) -> None:
        self._uncommitted = True
        try:
            table, rows = rows_of(received)
        except BadRecordError as error:
            _log.warning("dead letter: %s/%d/%d: %s", received.topic, received.partition, received.offset, error)
            self._letters.append(dead_letter(received, str(error), self.clock.now()))
            DEAD.inc()
        else:
            self._rows[table] += rows

    def _allowed(self, rows: list[Row]) -> list[Row]:
        """Rows without what was known of people before they were erased."""
        gone = moments(self.keys, (row["user_id"] for row in rows if row.get("user_id")))
        allowed = [row for row in rows if known_since(row) > gone.get(row.get("user_id", ""), -math.inf)]
        REFUSED.inc(len(rows) - len(allowed))
        return allowed

    def _waiting(self) -> int:
        return sum(map(len, self._rows.values())) + len(self._letters)
