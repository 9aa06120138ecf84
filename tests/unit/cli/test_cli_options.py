from pathlib import Path

from hidden_gems.cli.options import Places
from hidden_gems.core.home import gems_home


def test_two_folders_of_one_name_share_nothing_and_one_folder_keeps_its_place(tmp_path: Path) -> None:
    first, second = Places.of(tmp_path / "a" / "city"), Places.of(tmp_path / "b" / "city")
    assert first.root != second.root
    assert first.root.parent == gems_home() / "data"
    assert first.root.name.startswith("city-")
    assert Places.of(tmp_path / "a" / ".." / "a" / "city").root == first.root
    assert {first.releases, first.runs, first.redis, first.feast} == {
        first.root / name for name in ("releases", "runs", "redis", "feast")
    }
