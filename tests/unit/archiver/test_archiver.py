import base64
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hidden_gems.core import erasures
from hidden_gems.core.clock import SimulatedClock
from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.datasets.history import read_history
from hidden_gems.events.records import Interaction, ItemChange, Place, Slate
from hidden_gems.events.topics import DEAD_LETTERS, IMPRESSIONS, INTERACTIONS, ITEMS
from hidden_gems.privacy.files import archive
from hidden_gems.streaming.broker import MemoryBroker, MemoryProducer, Message
from inference.archiver.service import GROUP, OVERFULL, TOPICS, Archiver
from inference.archiver.settings import ArchiverSettings

AT = 1_777_852_800.0


@dataclass
class Ticking:
    """A monotonic clock that moves by hand."""

    now: float = 50.0

    def __call__(self) -> float:
        return self.now


@dataclass
class ShutProducer(MemoryProducer):
    """A producer whose broker is away while `shut`."""

    shut: bool = True

    def send(self, messages: Sequence[Message]) -> None:
        if self.shut:
            raise PartUnavailableError("broker", "shut")
        super().send(messages)


@dataclass
class Scene:
    folder: Path
    broker: MemoryBroker = field(default_factory=MemoryBroker)
    keys: MemoryKeyValue = field(default_factory=MemoryKeyValue)
    ticking: Ticking = field(default_factory=Ticking)

    def archiver(self, rows: int = 100) -> Archiver:
        return Archiver(
            self.folder,
            self.broker.consumer(GROUP, TOPICS),
            self.broker.producer(),
            SimulatedClock(AT),
            self.keys,
            stores=(archive(self.folder),),
            flush_rows=rows,
            flush_seconds=10.0,
            monotonic=self.ticking,
        )

    def send(self, topic: str, *values: bytes) -> None:
        self.broker.producer().send([Message(topic, "p1", value) for value in values])

    def counts(self) -> list[int]:
        found = read_history(self.folder)
        return [len(found.interactions), len(found.impressions), len(found.items)]

    def committed(self) -> dict[str, int]:
        return {topic: at for (_, topic), at in self.broker.committed.items() if at}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "history")


def click(number: int) -> bytes:
    return Interaction(f"e{number}", "p1", "g1", "click", AT + number, AT).to_json()


def slate(places: int) -> bytes:
    shown = tuple(Place(f"g{n}", n, 0.5, 1.0, ("near",), (0.0,)) for n in range(places))
    return Slate("s1", "p1", AT, "ranker+thompson", "r1", "ranker_v1", 1, shown).to_json()


def test_nothing_is_written_before_its_time_and_everything_at_its_time(scene: Scene) -> None:
    archiver = scene.archiver()
    scene.send(INTERACTIONS, click(1), click(2))
    scene.send(IMPRESSIONS, slate(3))
    scene.send(ITEMS, ItemChange("g1", AT, {"name": "Gem"}).to_json())
    scene.ticking.now += 9.99
    archiver.step()
    assert scene.counts() == [0, 0, 0]
    assert scene.committed() == {}
    scene.ticking.now += 0.01
    archiver.step()
    assert scene.counts() == [2, 3, 1]
    assert scene.committed() == {INTERACTIONS: 2, IMPRESSIONS: 1, ITEMS: 1}
    scene.send(INTERACTIONS, click(3))
    scene.ticking.now += 9.99
    archiver.step()
    assert scene.counts() == [2, 3, 1]


def test_rows_enough_are_written_at_once(scene: Scene) -> None:
    archiver = scene.archiver(rows=5)
    scene.send(IMPRESSIONS, slate(4))
    archiver.step()
    assert scene.counts() == [0, 0, 0]
    scene.send(INTERACTIONS, click(1))
    archiver.step()
    assert scene.counts() == [1, 4, 0]


def test_stopping_writes_what_is_in_memory(scene: Scene) -> None:
    scene.send(INTERACTIONS, click(1))
    archiver = scene.archiver()
    archiver.step()
    stopping = threading.Event()
    stopping.set()
    archiver.run(stopping)
    assert scene.counts() == [1, 0, 0]
    assert scene.committed() == {INTERACTIONS: 1}


def test_what_cannot_be_read_is_a_dead_letter_and_the_rest_is_kept(scene: Scene) -> None:
    misfit = json.dumps({**json.loads(click(2)), "context": {"lat": "north"}}).encode()
    scene.send(INTERACTIONS, b"\xff{", misfit, click(1))
    archiver = scene.archiver()
    archiver.step()
    assert archiver.flush()
    assert scene.counts() == [1, 0, 0]
    letters = [json.loads(letter.value) for letter in scene.broker.logs[DEAD_LETTERS]]
    assert [base64.b64decode(letter["value"]) for letter in letters] == [b"\xff{", misfit]
    assert [(letter["topic"], letter["offset"], letter["timestamp"]) for letter in letters] == [
        (INTERACTIONS, 0, AT),
        (INTERACTIONS, 1, AT),
    ]
    assert "not JSON" in letters[0]["reason"]
    assert "does not fit the table interactions" in letters[1]["reason"]
    assert scene.committed() == {INTERACTIONS: 3}


def test_nothing_is_committed_before_the_letters_are_out_and_no_row_is_written_twice(scene: Scene) -> None:
    producer = ShutProducer(scene.broker)
    archiver = scene.archiver()
    archiver.producer = producer
    scene.send(INTERACTIONS, b"{", click(1))
    archiver.step()
    assert not archiver.flush()
    assert scene.committed() == {}
    producer.shut = False
    assert archiver.flush()
    assert scene.committed() == {INTERACTIONS: 2}
    assert len(scene.broker.logs[DEAD_LETTERS]) == 1
    assert len(list(scene.folder.rglob("*.parquet"))) == 1


def test_a_disk_that_takes_nothing_holds_up_reading_and_loses_nothing(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.folder.write_text("a file where the folder should be")
    archiver = scene.archiver(rows=1)
    for number in range(OVERFULL + 2):
        scene.send(INTERACTIONS, click(number))
        archiver.step()
    assert "not archived yet" in caplog.text
    assert scene.committed() == {}
    assert archiver.consumer.lag() == 2
    scene.folder.unlink()
    for _ in range(2):
        archiver.step()
    archiver.flush()
    assert scene.counts() == [OVERFULL + 2, 0, 0]
    assert scene.committed() == {INTERACTIONS: OVERFULL + 2}


def test_settings_and_their_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = ArchiverSettings(home=tmp_path)
    assert (told.port, told.host, told.flush_seconds, told.flush_rows) == (8120, "127.0.0.1", 10.0, 5_000)
    assert told.history_folder() == str(tmp_path / "history")
    monkeypatch.setenv("GEMS_HISTORY", str(tmp_path / "elsewhere"))
    assert ArchiverSettings().history_folder() == str(tmp_path / "elsewhere")


def test_rows_of_who_was_erased_are_not_written_whoever_sends_them_again(scene: Scene) -> None:
    archiver = scene.archiver(rows=1)
    scene.send(INTERACTIONS, click(1), click(2))
    archiver.step()
    assert scene.counts()[0] == 2
    erasures.note(scene.keys, "p1", AT + 5)
    new = Interaction("e6", "p1", "g1", "click", AT + 6, AT + 6)
    scene.send(INTERACTIONS, click(1), click(3), new.to_json())
    archiver.step()
    assert sorted(read_history(scene.folder).interactions["event_id"]) == ["e1", "e2", "e6"]
    scene.ticking.now += archiver.compact_seconds
    archiver.step()
    assert read_history(scene.folder).interactions["event_id"].tolist() == ["e6"]
    assert erasures.due(scene.keys, "history") == []


def test_nothing_is_archived_while_nobody_can_tell_who_was_erased(scene: Scene) -> None:
    archiver = scene.archiver(rows=1)
    ask, scene.keys.get = scene.keys.get, _away  # type: ignore[method-assign]
    scene.send(INTERACTIONS, click(1))
    archiver.step()
    assert (scene.counts()[0], scene.committed()) == (0, {})
    scene.keys.get = ask  # type: ignore[method-assign]
    assert archiver.flush()
    assert scene.counts()[0] == 1


def _away(keys: Sequence[str]) -> list[bytes | None]:
    raise PartUnavailableError("features", "away")
