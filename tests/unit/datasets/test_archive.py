import math
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hidden_gems.datasets import archive
from hidden_gems.datasets.archive import (
    SCHEMAS,
    checked_rows,
    impression_rows,
    interaction_rows,
    item_rows,
    write_parts,
)
from hidden_gems.events.records import BadRecordError, Interaction, ItemChange, Place, Slate

AT = 1_777_852_800.25  # 2026-05-04T00:00:00.25Z

CLICK = Interaction("e1", "p1", "g1", "click", AT, AT + 1, slate_id="s1", position=2, signed=True, propensity=0.25)
SLATE = Slate(
    slate_id="s1",
    user_id="p1",
    timestamp=AT,
    policy="ranker+thompson",
    release="r1",
    feature_service="ranker_v1",
    state_version=7,
    variant="static",
    issued=AT + 2,
    places=(
        Place("g1", 0, 0.5, 1.5, ("near",), (0.25, math.nan)),
        Place("g2", 1, 0.25, -1.0, ("new", "trending"), (1.0, 2.0), ("rare_share", "floor:Balat")),
    ),
    degraded=("deep",),
    context={"weather": "rain", "temperature_c": 12, "lat": 41.0, "lon": 29.0, "unknown": 1},
)


def written(folder: Path, table: str, rows: list[archive.Row]) -> list[dict[str, object]]:
    [path] = write_parts(folder, table, checked_rows(table, rows))
    return pq.ParquetFile(path).read().to_pylist()


def test_an_event_is_a_row(tmp_path: Path) -> None:
    event = replace(CLICK, value=3.0, items=("a", "b"), context={"mood": "calm", "session_id": "x"})
    [row] = written(tmp_path, "interactions", interaction_rows(event))
    nothing = dict.fromkeys(("weather", "temperature_c", "companions", "language", "lat", "lon", "variant"))
    assert row == nothing | {
        "event_id": "e1",
        "user_id": "p1",
        "item_id": "g1",
        "event_type": "click",
        "timestamp": AT,
        "received": AT + 1,
        "value": 3.0,
        "slate_id": "s1",
        "position": 2,
        "signed": True,
        "propensity": 0.25,
        "items": ["a", "b"],
        "mood": "calm",
        "session_id": "x",
    }


def test_a_slate_is_a_row_for_each_place(tmp_path: Path) -> None:
    first, second = written(tmp_path, "impressions", impression_rows(SLATE))
    vector = first.pop("vector")
    assert isinstance(vector, list)
    assert vector[0] == 0.25
    assert math.isnan(vector[1])
    nothing = dict.fromkeys(("session_id", "mood", "companions", "language"))
    assert first == nothing | {
        "slate_id": "s1",
        "user_id": "p1",
        "timestamp": AT,
        "item_id": "g1",
        "position": 0,
        "policy": "ranker+thompson",
        "propensity": 0.5,
        "score": 1.5,
        "release": "r1",
        "feature_service": "ranker_v1",
        "state_version": 7,
        "variant": "static",
        "issued": AT + 2,
        "sources": ["near"],
        "constraints": [],
        "degraded": ["deep"],
        "weather": "rain",
        "temperature_c": 12.0,
        "lat": 41.0,
        "lon": 29.0,
    }
    assert (second["item_id"], second["vector"], second["sources"]) == ("g2", [1.0, 2.0], ["new", "trending"])
    assert second["constraints"] == ["rare_share", "floor:Balat"]


def test_a_change_keeps_its_columns_and_a_closed_gem_has_none(tmp_path: Path) -> None:
    [row] = written(tmp_path, "items", item_rows(ItemChange("g1", AT, {"name": "Çay", "lat": 41.0}, AT + 5)))
    assert row == {"item_id": "g1", "timestamp": AT, "columns": '{"name": "Çay", "lat": 41.0}', "closed_until": AT + 5}
    [row] = written(tmp_path, "items", item_rows(ItemChange("g1", AT, None)))
    assert (row["columns"], row["closed_until"]) == (None, None)


def test_rows_go_to_the_day_they_happened_on_in_utc(tmp_path: Path) -> None:
    rows = [row for at in (AT, AT - 1, AT + 5) for row in interaction_rows(replace(CLICK, timestamp=at))]
    paths = [Path(each) for each in write_parts(tmp_path, "interactions", rows)]
    assert [str(path.parent.relative_to(tmp_path)) for path in paths] == [
        "interactions/day=2026-05-04",
        "interactions/day=2026-05-03",
    ]
    assert [pq.read_metadata(path).num_rows for path in paths] == [2, 1]
    again = [Path(each) for each in write_parts(tmp_path, "interactions", rows)]
    assert not set(again) & set(paths)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(paths + again)
    assert write_parts(tmp_path, "items", []) == []


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": 1e18},
        {"value": "many"},
        {"position": "first"},
        {"context": {"lat": "north"}},
        {"context": {"weather": ["rain"]}},
        {"items": (1,)},
    ],
)
def test_what_does_not_fit_its_column_is_no_row(change: dict[str, object]) -> None:
    with pytest.raises(BadRecordError, match="does not fit the table interactions"):
        checked_rows("interactions", interaction_rows(replace(CLICK, **change)))


def test_every_table_starts_with_what_its_rows_are_found_by() -> None:
    assert [schema.names[0] for schema in SCHEMAS.values()] == ["event_id", "slate_id", "item_id"]


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="convert"):
        write_parts(tmp_path, "interactions", [{"timestamp": AT, "value": "x"}])
    assert not list(tmp_path.rglob("*part*"))
