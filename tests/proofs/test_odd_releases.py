"""Odd folders through the whole training pipeline: a release that is judged, and answers."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hidden_gems.cli.processes import redis_server
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.evaluation.report import NOTHING_LEARNED
from hidden_gems.export import release as releases
from hidden_gems.steps import gating, packing
from tests import factories
from tests.integration.chain import learn
from tests.integration.teller import STRANGER, Teller
from tests.odd_folders import ODD, visits, write


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as address:
        yield address


LEARNED = {
    "one user": ODD["one user"][0],
    "one item": ODD["one item"][0],
    "order only": lambda folder: write(folder, factories.interactions().assign(timestamp=np.arange(600))),
    "emoji": lambda folder: write(folder, visits().assign(user_id=lambda table: "🍵" + table["user_id"])),
}


@pytest.mark.parametrize("case", LEARNED)
def test_odd_but_valid_ends_with_a_judged_release(
    tmp_path: Path, redis: str, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setenv("GEMS_FEATURE_REPO", "feature_repo")
    parts = learn(LEARNED[case](tmp_path / "city"), tmp_path, redis)
    decided = gating.gate_release(parts.evaluation, str(tmp_path / "releases"), parts.decision, 0)
    release = packing.build_release(parts, str(tmp_path / "releases"), redis, 0)
    about, dataset = releases.load(release), Dataset.read(parts.checked)
    assert about.decision["promote"] == (decided == "promote")
    assert about.dataset.order_only == (case == "order only")
    assert about.decision["reasons"]
    if case in ("one user", "one item"):
        assert decided == "hold"
    if case == "one item":
        assert about.decision["reasons"] == [NOTHING_LEARNED.removesuffix(".")]
        assert NOTHING_LEARNED.removesuffix(".") in (release / "reports" / "model_card.md").read_text()
    teller, someone = Teller(release, redis, tmp_path / "feast"), dataset.users["user_id"].iloc[0]
    known, stranger = (teller.slate(user, dataset.now, "en", None) for user in (someone, STRANGER))
    items = set(dataset.items["item_id"])
    assert len(stranger) == min(10, len(items))
    new = items - set(dataset.interactions["item_id"]) if len(dataset.users) == 1 else items
    assert len(known) == (0 if case == "one item" else min(10, len(new)))
    for gem in (*known, *stranger):
        assert gem.item["item_id"] in items
        assert gem.explanation.text
