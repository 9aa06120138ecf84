"""The spool: messages wait on this machine's disk until the broker has taken them."""

import fcntl
import json
import logging
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hidden_gems.core.errors import BadInputError, HiddenGemsError, PartUnavailableError
from hidden_gems.streaming.broker import Message, Producer

BATCH_MESSAGES = 200
BATCH_BYTES = 1_000_000
SEGMENTS = 32
"""Files that a full spool has: the oldest is dropped as a whole."""
PAUSE_SECONDS = (0.1, 1.0)
"""Between attempts while the broker is away: the first pause and the longest, each twice the one before."""
_POSITION = "position.json"
_log = logging.getLogger(__name__)


@dataclass
class _Segment:
    """A file of lines, each of them a message."""

    path: Path
    size: int  # bytes of whole lines
    waiting: int  # messages behind the position


class Spool:
    """Takes messages at once and delivers them in order, at least once, whenever the broker answers.

    Safe for any number of threads, and for the end of the process at any moment: what `append` took is on the disk's
    side of the kernel. One process owns a folder.

    Args:
        folder: Of the segments and the position; made if it is not there.
        producer: Where messages go; stays the caller's to close.
        max_bytes: Most bytes on disk. When they are full, the oldest segment is dropped and its messages are counted.

    Raises:
        HiddenGemsError: If another process owns the folder.
    """

    def __init__(self, folder: Path, producer: Producer, max_bytes: int = 256_000_000) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._producer = folder, producer
        self._max_bytes, self._segment_bytes = max_bytes, max(1, max_bytes // SEGMENTS)
        self._owner = _own(folder)
        self._lock = threading.Lock()
        self._dropped = 0
        self._segments, self._at = self._left_behind()
        self._file = self._open_segment()
        self._changed, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._deliver, name="spool", daemon=True)
        self._thread.start()

    def append(self, message: Message) -> None:
        """Take a message. A disk that does not take it costs the message, not the caller: it is counted and logged."""
        line = _line(message)
        with self._lock:
            try:
                current = self._segments[-1]
                if current.size and current.size + len(line) > self._segment_bytes:
                    os.close(self._file)
                    self._file = self._open_segment()
                    current = self._segments[-1]
                if os.write(self._file, line) < len(line):
                    os.ftruncate(self._file, current.size)
                    raise OSError("the disk is full")
            except OSError as error:
                self._dropped += 1
                _log.error("a message to %s is lost: %s cannot be written: %s", message.topic, self._folder, error)
                return
            current.size += len(line)
            current.waiting += 1
            self._drop_oldest()
        self._changed.set()

    def pending(self) -> int:
        """Messages that wait for delivery."""
        with self._lock:
            return sum(each.waiting for each in self._segments)

    def dropped(self) -> int:
        """Messages that were lost: the disk was full or broken, or the broker never takes such a message."""
        with self._lock:
            return self._dropped

    def flush(self, seconds: float) -> bool:
        """Wait until everything is delivered, at most so long; whether it is."""
        until = time.monotonic() + seconds
        while self.pending() and time.monotonic() < until:
            time.sleep(0.005)
        return not self.pending()

    def close(self, seconds: float = 2.0) -> None:
        """Deliver what can be delivered in time and stop; the rest waits in the folder for the next spool."""
        self.flush(seconds)
        self._closing.set()
        self._changed.set()
        self._thread.join()
        os.close(self._file)
        os.close(self._owner)

    def _deliver(self) -> None:
        pause, longest = PAUSE_SECONDS
        while not self._closing.is_set():
            self._changed.clear()
            try:
                more = self._deliver_batch()
            except Exception as error:  # whatever it is, the messages stay and are tried again
                if pause == PAUSE_SECONDS[0]:
                    unforeseen = not isinstance(error, PartUnavailableError)
                    _log.warning("messages wait in %s: %s", self._folder, error, exc_info=unforeseen)
                self._closing.wait(pause)
                pause = min(2 * pause, longest)
                continue
            pause = PAUSE_SECONDS[0]
            if not more and not self._closing.is_set():
                self._changed.wait()

    def _deliver_batch(self) -> bool:
        """Send the next messages; whether there are more."""
        with self._lock:
            self._forget_delivered()  # one that was still written to when its last message went
            segment, start, end = self._segments[0], self._at, self._segments[0].size
            if start == end:
                return False
            file = segment.path.open("rb")  # stays readable if the segment is dropped meanwhile
        with file:
            lines = _lines(file, start, end)
        messages = [message for line in lines if (message := _message(line))]
        refused = _send(self._producer, messages)
        with self._lock:
            if self._segments[0] is segment:  # else it was dropped meanwhile, and counted
                self._at += sum(map(len, lines))
                segment.waiting -= len(lines)
                self._dropped += refused + len(lines) - len(messages)
                self._forget_delivered()
                self._empty_last()
                self._write_position()
            return self._at < self._segments[0].size

    def _forget_delivered(self) -> None:
        while len(self._segments) > 1 and self._at >= self._segments[0].size:
            self._segments.popleft().path.unlink(missing_ok=True)
            self._at = 0

    def _empty_last(self) -> None:
        """Take what was delivered off the disk also where the file goes on: messages name people."""
        last = self._segments[-1]
        if len(self._segments) == 1 and last.size and self._at >= last.size:
            os.ftruncate(self._file, 0)
            last.size = self._at = 0

    def _drop_oldest(self) -> None:
        while len(self._segments) > 1 and sum(each.size for each in self._segments) > self._max_bytes:
            oldest = self._segments.popleft()
            oldest.path.unlink(missing_ok=True)
            self._dropped += oldest.waiting
            self._at = 0
            if oldest.waiting:
                _log.error("%s is full: %d messages are lost", self._folder, oldest.waiting)

    def _write_position(self) -> None:
        written = self._folder / "position.tmp"
        written.write_text(json.dumps({"segment": self._segments[0].path.name, "offset": self._at}))
        written.replace(self._folder / _POSITION)

    def _left_behind(self) -> tuple[deque[_Segment], int]:
        """Segments of a process before us, and the position in the first."""
        segments: deque[_Segment] = deque()
        name, offset = _position(self._folder / _POSITION)
        for path in sorted(self._folder.glob("*.jsonl")):
            start = offset if path.name == name else 0
            size, waiting = _whole_lines(path, start)
            if path.name < name or not waiting:
                path.unlink()
            else:
                segments.append(_Segment(path, size, waiting))
        return segments, offset if segments and segments[0].path.name == name else 0

    def _open_segment(self) -> int:
        """A new file behind all others: a torn last line of an old one never gets a continuation."""
        before = [path.name for path in self._folder.glob("*.jsonl")]
        last = max(*before, _position(self._folder / _POSITION)[0], "0.jsonl")
        path = self._folder / f"{int(last.removesuffix('.jsonl')) + 1:012d}.jsonl"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._segments.append(_Segment(path, 0, 0))
        return file


def _own(folder: Path) -> int:
    """Lock the folder for as long as this process lives and the file is open."""
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        raise HiddenGemsError(
            f"{folder} is the spool of another process; give each process a folder of its own"
        ) from error
    return file


def _position(path: Path) -> tuple[str, int]:
    """Name of the first segment that waits and the offset in it; the beginning of all where it cannot be read."""
    try:
        content = json.loads(path.read_text())
        return str(content["segment"]), int(content["offset"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", 0


def _whole_lines(path: Path, start: int) -> tuple[int, int]:
    """Bytes up to the last line end, and how many lines end behind `start`; a torn last line is no message."""
    content = path.read_bytes()
    return content.rfind(b"\n") + 1, content.count(b"\n", start)


def _line(message: Message) -> bytes:
    value = message.value.decode("utf-8", "surrogateescape")
    line = json.dumps([message.topic, message.key, value], ensure_ascii=False)
    return line.encode("utf-8", "surrogateescape") + b"\n"


def _message(line: bytes) -> Message | None:
    try:
        topic, key, value = json.loads(line.decode("utf-8", "surrogateescape"))
    except ValueError:
        _log.error("a line of the spool is damaged: %r", line[:80])
        return None
    return Message(topic, key, value.encode("utf-8", "surrogateescape"))


def _lines(file: IO[bytes], start: int, end: int) -> list[bytes]:
    """Whole lines between two offsets: a batch of them, at least one."""
    file.seek(start)
    lines: list[bytes] = []
    size = 0
    while start + size < end and len(lines) < BATCH_MESSAGES and size < BATCH_BYTES:
        lines.append(file.readline())
        size += len(lines[-1])
    return lines


def _send(producer: Producer, messages: list[Message]) -> int:
    """Send all; how many of them no broker would ever take."""
    try:
        producer.send(messages)
    except BadInputError as error:
        if len(messages) == 1:
            _log.error("a message is lost: %s", error)
            return 1
        return sum(_send(producer, [each]) for each in messages)
    return 0
