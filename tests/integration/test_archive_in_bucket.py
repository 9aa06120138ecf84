"""The archive in a bucket: what it promises on a disk it promises there."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from hidden_gems.cli.processes import free_port
from hidden_gems.core import erasures
from hidden_gems.core.addresses import files_below, reading, remove, write_whole
from hidden_gems.core.clock import SimulatedClock
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.datasets.history import read_columns, read_history
from hidden_gems.events.records import Interaction, ItemChange, Place, Slate
from hidden_gems.events.topics import IMPRESSIONS, INTERACTIONS, ITEMS
from hidden_gems.privacy.files import archive
from hidden_gems.streaming.broker import MemoryBroker, Message
from inference.archiver.service import GROUP, TOPICS, Archiver
from inference.archiver.settings import ArchiverSettings
from tests.buckets import bucket

AT, DAY = 1_777_852_800.0, 86_400.0


_names = itertools.count()


@pytest.fixture
def folder() -> Iterator[str]:
    with bucket("events") as address:
        yield f"{address}/history{next(_names)}"  # what a test wrote outlives its server


class Scene:
    """An archiver between a broker in memory and a bucket."""

    def __init__(self, folder: str) -> None:
        self.broker, self.keys = MemoryBroker(), MemoryKeyValue()
        self.archiver = Archiver(
            folder,
            self.broker.consumer(GROUP, TOPICS),
            self.broker.producer(),
            SimulatedClock(AT),
            self.keys,
            stores=(archive(folder),),
            flush_rows=1,
        )

    def send(self, topic: str, *values: bytes) -> None:
        self.broker.producer().send([Message(topic, "k", value) for value in values])
        self.archiver.step()


def click(number: int, person: str = "ada", at: float = AT) -> bytes:
    return Interaction(f"e{number}", person, "g1", "click", at + number, at + number).to_json()


def test_rows_go_to_objects_by_day_and_come_back(folder: str) -> None:
    scene = Scene(folder)
    scene.send(INTERACTIONS, click(1), click(2, at=AT + DAY))
    place = Place("g1", 0, 0.5, 1.0, ("near",), (0.0,))
    scene.send(IMPRESSIONS, Slate("s1", "ada", AT, "p", "r1", "ranker_v1", 1, (place,)).to_json())
    scene.send(ITEMS, ItemChange("g1", AT, {"name": "Gem"}).to_json())
    assert [each.removeprefix(folder).rpartition("/")[0] for each in files_below(folder)] == [
        "/impressions/day=2026-05-04",
        "/interactions/day=2026-05-04",
        "/interactions/day=2026-05-05",
        "/items/day=2026-05-04",
    ]
    found = read_history(folder)
    assert found.interactions["event_id"].tolist() == ["e1", "e2"]
    assert (found.impressions["slate_id"].tolist(), found.items["item_id"].tolist()) == (["s1"], ["g1"])
    columns = ("event_id", "timestamp", "received")
    assert read_columns(folder, "interactions", columns, AT + DAY, AT + 2 * DAY)["event_id"].tolist() == ["e2"]
    assert read_history(f"{folder}/none").interactions.empty


def test_a_message_that_comes_again_is_there_once(folder: str) -> None:
    scene = Scene(folder)
    scene.send(INTERACTIONS, click(1))
    scene.send(INTERACTIONS, click(1), click(2))
    assert len(files_below(folder)) == 2
    assert read_history(folder).interactions["event_id"].tolist() == ["e1", "e2"]


def test_whoever_is_erased_is_gone_from_the_objects(folder: str) -> None:
    scene = Scene(folder)
    scene.send(INTERACTIONS, click(1), click(2, "bob"))
    scene.send(INTERACTIONS, click(3))
    erasures.note(scene.keys, "ada", AT + 5)
    scene.send(INTERACTIONS, click(6))
    store = archive(folder)
    assert {trace.state for trace in store.find("ada", AT + 5)} == {"left", "since"}
    scene.archiver._compact()
    assert read_history(folder).interactions["event_id"].tolist() == ["e2", "e6"]
    assert len(files_below(folder)) == 2  # that of nobody else is removed
    assert {trace.state for trace in store.find("ada", AT + 5)} == {"since"}
    assert [row["event_id"] for rows in store.export("ada").values() for row in rows] == ["e6"]
    assert erasures.due(scene.keys, "history") == []


def test_a_bucket_that_is_away_loses_nothing(
    folder: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(folder)
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        scene.send(INTERACTIONS, click(1))
        erasures.note(scene.keys, "bob", AT)
        scene.archiver._compact()
    assert "not archived yet" in caplog.text
    assert "not forgotten yet: history is unavailable" in caplog.text
    assert not any(scene.broker.committed.values())
    assert erasures.due(scene.keys, "history") != []
    assert scene.archiver.flush()
    assert read_history(folder).interactions["event_id"].tolist() == ["e1"]
    assert scene.broker.committed[GROUP, INTERACTIONS] == 1


def test_files_are_the_same_at_every_address(folder: str, tmp_path: Path) -> None:
    for root in (folder, str(tmp_path / "here"), "memory://there"):
        assert files_below(root) == []
        write_whole(f"{root}/a/b.parquet", lambda file: file.write(b"1"))
        write_whole(f"{root}/a/b.parquet", lambda file: file.write(b"2"))
        write_whole(f"{root}/.hidden", lambda file: file.write(b"x"))
        assert files_below(root) == [f"{root}/a/b.parquet"]
        assert files_below(root, ".csv") == []
        with reading(f"{root}/a/b.parquet") as file:
            assert file.read() == b"2"
        remove(f"{root}/a/b.parquet")
        remove(f"{root}/a/b.parquet")
        assert files_below(root) == []
        with pytest.raises(OSError, match=r"b\.parquet"), reading(f"{root}/a/b.parquet"):
            pass


def test_the_archiver_is_told_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"GEMS_HISTORY": "s3://e/history", "GEMS_RUNS": "s3://a/runs", "GEMS_FEAST_FOLDER": "s3://a/feast"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    settings = ArchiverSettings()
    assert settings.history_folder() == "s3://e/history"
    assert settings.training_folders() == ("s3://a/runs", "s3://a/feast")
