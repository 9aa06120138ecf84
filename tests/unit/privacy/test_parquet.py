from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hidden_gems.datasets import archive
from hidden_gems.datasets.erased import without_erased
from hidden_gems.events.records import Interaction, Place, Slate
from hidden_gems.privacy.files import ParquetStore
from hidden_gems.privacy.files import archive as archive_of
from tests import factories

AT = 1_777_900_000.0
DAY = 86_400.0


def click(event_id: str, person: str, at: float, happened: float | None = None) -> Interaction:
    return Interaction(event_id, person, "g1", "click", at if happened is None else happened, at)


def slate(slate_id: str, person: str, issued: float | None, asked_for: float) -> Slate:
    places = (Place("g1", 0, 0.5, 0.1, ("popular",), (1.0, 2.0)),)
    return Slate(slate_id, person, asked_for, "p", "r", "gems", 1, places, issued=issued)


def write(folder: Path, *records: Interaction | Slate) -> list[Path]:
    made: list[Path] = []
    for table, kind in (("interactions", Interaction), ("impressions", Slate)):
        make = archive.interaction_rows if kind is Interaction else archive.impression_rows
        rows = [row for each in records if isinstance(each, kind) for row in make(each)]  # type: ignore[operator]
        made += [Path(each) for each in archive.write_parts(folder, table, archive.checked_rows(table, rows))]
    return made


def ids(folder: Path, table: str) -> list[str]:
    name = "event_id" if table == "interactions" else "slate_id"
    parts = sorted((folder / table).rglob("*.parquet"))
    return sorted(value for path in parts for value in pq.ParquetFile(path).read()[name].to_pylist())


def digest(paths: Sequence[Path]) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in paths}


def test_rows_of_before_go_and_everything_else_stays_as_it_was(tmp_path: Path) -> None:
    alone = write(tmp_path, click("a", "ada", AT), slate("sa", "ada", AT, AT))
    others = write(tmp_path, click("b", "bob", AT), slate("sb", "bob", AT, AT))
    mixed = write(
        tmp_path,
        click("c", "ada", AT),
        click("d", "bob", AT),
        click("new", "ada", AT + 60),
        click("late", "ada", AT + 60, happened=AT - 60),
        slate("asked-ahead", "ada", AT, AT + 300),
        slate("new", "ada", AT + 60, AT - 60),
        slate("old", "ada", None, AT),
        slate("sd", "bob", AT, AT),
    )
    before, rows = digest(others), pq.ParquetFile(mixed[0]).read().to_pylist()
    store = archive_of(tmp_path)
    assert {Path(trace.where) for trace in store.find("ada", AT)} == {*alone, *mixed}
    store.erase({"ada": AT})
    assert digest(others) == before
    assert not any(path.exists() for path in alone)
    assert ids(tmp_path, "interactions") == ["b", "d", "new"]
    assert ids(tmp_path, "impressions") == ["new", "sb", "sd"]
    assert pq.ParquetFile(mixed[0]).read().to_pylist() == [row for row in rows if row["event_id"] in ("d", "new")]
    assert pq.ParquetFile(mixed[0]).schema_arrow == archive.SCHEMAS["interactions"]
    assert {trace.state for trace in store.find("ada", AT)} == {"since"}
    assert [path.name for path in tmp_path.rglob("*.unfinished")] == []
    unchanged = digest(mixed)
    store.erase({"ada": AT, "nobody": AT})
    assert digest(mixed) == unchanged


def test_nothing_of_somebody_is_in_the_bytes_or_the_values_afterwards(tmp_path: Path) -> None:
    write(tmp_path, *(click(f"e{n}", ("ada", "bob", "erika-mustermann")[n % 3], AT + n * DAY / 4) for n in range(60)))
    store = archive_of(tmp_path)
    assert len(store.export("erika-mustermann")) > 10
    store.erase({"erika-mustermann": AT + 60 * DAY})
    assert store.find("erika-mustermann", AT + 60 * DAY) == []
    assert store.export("erika-mustermann") is None
    for path in tmp_path.rglob("*.parquet"):
        assert b"erika" not in path.read_bytes()
        assert "erika-mustermann" not in pq.ParquetFile(path).read()["user_id"].to_pylist()


def test_archives_from_before_slates_told_when_they_were_given(tmp_path: Path) -> None:
    path = write(tmp_path, slate("s", "ada", None, AT))[0]
    table = pq.ParquetFile(path).read().drop_columns(["issued"])
    pq.write_table(table, path)
    archive_of(tmp_path).erase({"ada": AT})
    assert not path.exists()


def test_tables_without_times_lose_everything_of_somebody(tmp_path: Path) -> None:
    path = tmp_path / "feast" / "user_rows.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"user_id": ["ada", "bob"], "row": ["1", "2"]}), path)
    pq.write_table(pa.table({"item_id": ["ada"]}), tmp_path / "feast" / "item_rows.parquet")
    ParquetStore("training", [tmp_path / "feast", tmp_path / "not there"]).erase({"ada": AT})
    assert pq.ParquetFile(path).read()["user_id"].to_pylist() == ["bob"]
    assert (tmp_path / "feast" / "item_rows.parquet").exists()


@pytest.mark.parametrize("share", [0.5, 2.0])
def test_a_dataset_without_who_was_erased(share: float) -> None:
    dataset = factories.rich_dataset()
    [first, *_] = dataset.users["user_id"]
    times = dataset.interactions["timestamp"]
    until = float(times.min() + share * (times.max() - times.min()))
    found = without_erased(dataset, {first: until})
    left = dataset.interactions[~((dataset.interactions["user_id"] == first) & (times <= until))]
    assert found.interactions.equals(left.reset_index(drop=True))
    assert (first in set(found.users["user_id"])) == (share < 1)
    assert set(found.impressions["user_id"]) - {first} == set(dataset.impressions["user_id"]) - {first}
    assert without_erased(dataset, {}) is dataset
