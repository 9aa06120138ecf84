import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from hidden_gems.core.clock import SimulatedClock
from hidden_gems.core.errors import BadInputError, NotADatasetError
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.datasets import door_at_size
from hidden_gems.datasets.dataset import TABLES, Dataset
from hidden_gems.datasets.door_at_size import DoorConfig, check_to_folder
from hidden_gems.datasets.validation import check_folder
from tests import factories

NOW = 1_800_000_000
OURS = Pseudonyms(b"ours")


def odd_city(folder: Path) -> Path:
    """Bad rows, repeated events, extra columns, words of their own, people and gems that only one file names."""
    told = factories.interactions(events=300)
    random = np.random.default_rng(1)
    told = told.assign(
        event_id=[f"e{n // 2 if n < 20 else n}" for n in range(len(told))],
        event_type=random.choice(["visit", "like", "rating", "skip"], len(told)),
        value=random.integers(1, 6, len(told)).astype(float),
        weather=random.choice(["sunny", "lava", None], len(told)),
        extra=np.arange(len(told)),
    )
    told.loc[[30, 40], "timestamp"] = -5
    shown = factories.impressions(told, items=60).assign(clicked=random.choice([True, False, None], 400))
    shown.loc[3, "position"] = -1
    people = pd.DataFrame({"user_id": ["stranger", "u3"], "is_local": [True, None]})
    folder.mkdir()
    for name, table in (
        ("interactions", told.iloc[random.permutation(len(told))]), ("items", factories.items()),
        ("users", people), ("impressions", shown),
    ):  # fmt: skip
        table.to_parquet(folder / f"{name}.parquet", index=False)
    (folder / "dataset.json").write_text(json.dumps({"simulated": True, "timezone": "Europe/Paris"}))
    return folder


def config(**changes: object) -> DoorConfig:
    return DoorConfig(**{"clock": SimulatedClock(start=NOW), "max_rejected_share": 0.1, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("pseudonyms", [None, OURS])
def test_what_passes_is_what_passes_the_door_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pseudonyms: Pseudonyms | None
) -> None:
    folder = odd_city(tmp_path / "city")
    clock = SimulatedClock(start=NOW)
    whole = check_folder(folder, max_rejected_share=0.1, pseudonyms=pseudonyms, clock=clock)
    whole.write(tmp_path / "whole")
    monkeypatch.setattr(door_at_size, "BATCH_ROWS", 50)
    about, warnings = check_to_folder(
        folder, tmp_path / "parts", config(pseudonyms=pseudonyms, memory="1GB", threads=1, scratch=tmp_path)
    )
    expected, found = Dataset.read(tmp_path / "whole"), Dataset.read(tmp_path / "parts")
    assert about == expected.about == found.about
    assert about.rejected == 7
    assert about.duplicates == 10
    assert about.simulated
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(found, name), getattr(expected, name), check_exact=True)
    assert len(found.impressions) > 300
    assert {"stranger", "u3"} <= set(found.users["user_id"]) or pseudonyms
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "parts" / "rejected.parquet"),
        pd.read_parquet(tmp_path / "whole" / "rejected.parquet"),
    )
    assert sorted(warnings) == sorted(whole.warnings)
    assert pq.ParquetFile(tmp_path / "parts" / "impressions.parquet").num_row_groups > 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["city", "parts", "whole"]  # scratch is gone


def test_interactions_alone_and_an_order_pass_too(tmp_path: Path) -> None:
    told = factories.interactions(events=50).assign(timestamp=range(50))
    folder = factories.write_folder(tmp_path / "order", interactions=told)
    about, _ = check_to_folder(folder, tmp_path / "parts", config())
    whole = check_folder(folder, clock=SimulatedClock(start=NOW)).dataset
    whole.write(tmp_path / "whole")
    assert about.order_only
    assert about == whole.about
    for name in TABLES:
        left, right = (pd.read_parquet(tmp_path / of / f"{name}.parquet") for of in ("parts", "whole"))
        pd.testing.assert_frame_equal(left, right)


def test_what_is_refused_leaves_no_dataset(tmp_path: Path) -> None:
    folder = odd_city(tmp_path / "city")
    with pytest.raises(NotADatasetError, match=r"2 of 300 rows are bad"):
        check_to_folder(folder, tmp_path / "out", config(max_rejected_share=0.001))
    with pytest.raises(BadInputError, match="the share of bad rows"):
        check_to_folder(folder, tmp_path / "out", config(max_rejected_share=2.0))
    nobody = factories.write_folder(
        tmp_path / "bad", interactions=factories.interactions(events=3).assign(timestamp=-1)
    )
    with pytest.raises(NotADatasetError, match="has no good row"):
        check_to_folder(nobody, tmp_path / "out", config(max_rejected_share=1.0))
    (folder / "dataset.json").write_text(json.dumps({"pseudonym_key": "abcd"}))
    with pytest.raises(NotADatasetError, match="names pseudonyms of the key abcd"):
        check_to_folder(folder, tmp_path / "out", config(pseudonyms=OURS))
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_a_folder_of_pseudonyms_under_our_key_keeps_them(tmp_path: Path) -> None:
    folder = odd_city(tmp_path / "city")
    (folder / "dataset.json").write_text(json.dumps({"pseudonym_key": OURS.key_id}))
    about, _ = check_to_folder(folder, tmp_path / "out", config(pseudonyms=OURS))
    assert about.pseudonym_key == OURS.key_id
    assert "stranger" in set(Dataset.read(tmp_path / "out").users["user_id"])
    assert about.timezone == "Europe/Istanbul"
