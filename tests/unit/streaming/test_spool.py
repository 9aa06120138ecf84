import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from hidden_gems.core.errors import BadInputError, HiddenGemsError, PartUnavailableError
from hidden_gems.streaming import spool as module
from hidden_gems.streaming.broker import Message
from hidden_gems.streaming.spool import BATCH_MESSAGES, SEGMENTS, Spool


class Door:
    """A producer whose broker comes and goes."""

    def __init__(self, is_open: bool = True, refuses: bytes | None = None) -> None:
        self.is_open, self.refuses = is_open, refuses
        self.batches: list[list[Message]] = []
        self.attempts = 0

    @property
    def values(self) -> list[bytes]:
        return [message.value for batch in self.batches for message in batch]

    def send(self, messages: Sequence[Message]) -> None:
        self.attempts += 1
        if not self.is_open:
            raise PartUnavailableError("broker", "the door is shut")
        if self.refuses is not None and any(self.refuses in message.value for message in messages):
            raise BadInputError("too large")
        self.batches.append(list(messages))

    def close(self) -> None: ...


def message(number: int, size: int = 0) -> Message:
    return Message("impressions.v1", f"p{number}", b"%d" % number + b"." * size)


def numbers(door: Door) -> list[int]:
    return [int(value.rstrip(b".")) for value in door.values]


def test_what_was_delivered_is_off_the_disk(tmp_path: Path) -> None:
    door = Door()
    spool = Spool(tmp_path, door)
    for number in range(3):
        spool.append(message(number, 100))
        assert spool.flush(5)
        assert [path.stat().st_size for path in tmp_path.glob("*.jsonl")] == [0]
    door.is_open = False
    spool.append(message(3))
    spool.close(0.0)
    door.is_open = True
    spool = Spool(tmp_path, door)
    assert spool.flush(5)
    spool.append(message(4))
    spool.close(5.0)
    assert numbers(door) == [0, 1, 2, 3, 4]


def test_everything_arrives_in_order_with_topic_key_and_bytes(tmp_path: Path) -> None:
    door = Door()
    spool = Spool(tmp_path, door)
    sent = [
        Message("a", "Ayşe", '{"x": "ğ\u2028"}'.encode()),
        Message("b", "", b"\xff\x00\n\r\n"),
        Message("c", 'quote"\n', b""),
    ]
    for each in sent:
        spool.append(each)
    assert spool.flush(5)
    assert [each for batch in door.batches for each in batch] == sent
    assert (spool.pending(), spool.dropped()) == (0, 0)
    spool.close()


def test_messages_wait_while_the_broker_is_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    door = Door(is_open=False)
    spool = Spool(tmp_path, door)
    for number in range(BATCH_MESSAGES + 5):
        spool.append(message(number))
    assert not spool.flush(0.4)
    assert spool.pending() == BATCH_MESSAGES + 5
    assert 2 <= door.attempts <= 4  # at 0, 0.1 and 0.3 s
    door.is_open = True
    assert spool.flush(5)
    spool.append(message(999))
    assert spool.flush(5)
    spool.close()
    assert numbers(door) == [*range(BATCH_MESSAGES + 5), 999]
    assert len(door.batches[0]) == BATCH_MESSAGES
    assert [record.message for record in caplog.records] == [
        f"messages wait in {tmp_path}: broker is unavailable: the door is shut"
    ]


def test_the_next_spool_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    door = Door()
    first = Spool(tmp_path, door)
    first.append(message(0))
    assert first.flush(5)
    door.is_open = False
    first.append(message(1))
    first.append(message(2))
    first.close(seconds=0)
    second = Spool(tmp_path, door)
    assert second.pending() == 2
    second.append(message(3))
    door.is_open = True
    second.close(5)
    assert numbers(door) == [0, 1, 2, 3]
    third = Spool(tmp_path, door)
    assert third.pending() == 0
    third.append(message(4))
    third.close(5)
    assert numbers(door) == [0, 1, 2, 3, 4]
    assert len(list(tmp_path.glob("*.jsonl"))) == 1


def test_what_a_killed_process_took_is_delivered_once(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from hidden_gems.streaming.spool import Spool\n"
        "from tests.unit.streaming.test_spool import Door, message\n"
        "door = Door(); spool = Spool(Path(sys.argv[1]), door)\n"
        "for number in range(3): spool.append(message(number))\n"
        "spool.flush(5); door.is_open = False\n"
        "for number in range(3, 9): spool.append(message(number))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path)], timeout=30)
    assert killed.returncode == -signal.SIGKILL
    door = Door()
    Spool(tmp_path, door).close(5)
    assert numbers(door) == [3, 4, 5, 6, 7, 8]


def test_a_torn_last_line_and_a_damaged_one_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = Spool(tmp_path, Door(is_open=False))
    for number in range(3):
        first.append(message(number))
    first.close(seconds=0)
    [path] = tmp_path.glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b'["a", "b\n' + b"[1]\n" + lines[2] + lines[1][:-5])
    door = Door()
    second = Spool(tmp_path, door)
    second.append(message(7))
    second.close(5)
    assert numbers(door) == [0, 2, 7]
    assert second.dropped() == 2
    assert "a line of the spool is damaged" in caplog.text


def test_without_a_readable_position_everything_comes_again(tmp_path: Path) -> None:
    door = Door(is_open=False)
    first = Spool(tmp_path, door)
    for number in range(BATCH_MESSAGES + 1):
        first.append(message(number))
    closing = door.send

    def one_batch(messages: Sequence[Message]) -> None:
        closing(messages)
        door.is_open = False

    door.send, door.is_open = one_batch, True  # type: ignore[method-assign]
    first.close(1.0)
    assert len(door.values) == BATCH_MESSAGES
    (tmp_path / "position.json").write_text('{"segment": "00')
    door = Door()
    Spool(tmp_path, door).close(5)
    assert numbers(door) == list(range(BATCH_MESSAGES + 1))


def test_a_full_disk_allowance_drops_the_oldest_segment_and_counts(tmp_path: Path) -> None:
    line = len(module._line(message(10, 100)))
    door = Door(is_open=False)
    spool = Spool(tmp_path, door, max_bytes=SEGMENTS * 2 * line)  # two messages a segment
    for number in range(10, 10 + 2 * SEGMENTS):
        spool.append(message(number, 100))
    assert (spool.pending(), spool.dropped()) == (2 * SEGMENTS, 0)
    spool.append(message(99, 100))
    assert (spool.pending(), spool.dropped()) == (2 * SEGMENTS - 1, 2)
    assert len(list(tmp_path.glob("*.jsonl"))) == SEGMENTS
    door.is_open = True
    spool.close(5)
    assert numbers(door) == [*range(12, 10 + 2 * SEGMENTS), 99]


def test_delivered_segments_leave_the_disk(tmp_path: Path) -> None:
    door = Door()
    spool = Spool(tmp_path, door, max_bytes=SEGMENTS * 300)
    for number in range(50):
        spool.append(message(number, 100))
        assert spool.flush(5)
    assert len(list(tmp_path.glob("*.jsonl"))) <= 2
    for number in range(50, 80):
        spool.append(message(number, 100))
    spool.close(5)
    assert numbers(door) == list(range(80))
    assert spool.dropped() == 0


def test_a_message_that_no_broker_takes_does_not_stop_the_others(tmp_path: Path) -> None:
    door = Door(is_open=False, refuses=b"3")
    spool = Spool(tmp_path, door)
    for number in range(6):
        spool.append(message(number))
    door.is_open = True
    assert spool.flush(5)
    spool.close()
    assert numbers(door) == [0, 1, 2, 4, 5]
    assert spool.dropped() == 1


def test_a_folder_belongs_to_one_spool_at_a_time(tmp_path: Path) -> None:
    spool = Spool(tmp_path, Door())
    with pytest.raises(HiddenGemsError, match="is the spool of another process"):
        Spool(tmp_path, Door())
    spool.close()
    Spool(tmp_path, Door()).close()


def test_many_threads_lose_and_double_nothing(tmp_path: Path) -> None:
    door = Door()
    spool = Spool(tmp_path, door, max_bytes=1_000_000)

    def write(start: int) -> None:
        for number in range(start, start + 200):
            spool.append(message(number, 50))

    threads = [threading.Thread(target=write, args=(start,)) for start in range(0, 1_000, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spool.flush(10)
    spool.close()
    found = numbers(door)
    assert sorted(found) == list(range(1_000))
    assert [number for number in found if number < 200] == list(range(200))


def test_a_disk_that_takes_nothing_costs_the_message_and_not_the_caller(tmp_path: Path) -> None:
    door = Door()
    spool = Spool(tmp_path, door)
    handle = spool._file
    spool._file = os.open("/dev/full", os.O_WRONLY)
    spool.append(message(0))
    os.close(spool._file)
    spool._file = handle
    spool.append(message(1))
    spool.close(5)
    assert numbers(door) == [1]
    assert spool.dropped() == 1


def test_taking_a_message_is_quick(tmp_path: Path) -> None:
    spool = Spool(tmp_path, Door(is_open=False))
    times = []
    for number in range(300):
        began = time.perf_counter()
        spool.append(message(number, 10_000))
        times.append(time.perf_counter() - began)
    assert sorted(times)[150] < 0.001  # 0.05 ms on an idle machine
    spool.close(seconds=0)
