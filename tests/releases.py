"""Small releases that are whole, for tests of what loads them."""

from collections.abc import Callable
from pathlib import Path

from hidden_gems.datasets.dataset import About
from hidden_gems.export.release import Release, publish

MAY_4 = 1_777_852_800.0


def released(folder: Path, fill: Callable[[Path], None] | None = None, simulated: bool = False) -> Path:
    """Another release under `folder`, with a file that says which number it has unless `fill` writes others."""

    def number(draft: Path) -> None:
        (draft / "number").write_text(str(len(list(folder.glob("2*"))) + 1))

    def describe(version: str, created: str) -> Release:
        return Release(
            version=version,
            created=created,
            git_sha="",
            dataset=About("made up", "Europe/Istanbul", "made-up", simulated=simulated),
            seed=0,
            feature_service="ranking_v1",
            models=("ncf",),
            metrics={},
            decision={"promote": True, "reasons": []},
        )

    return publish(folder, fill or number, describe, MAY_4)
