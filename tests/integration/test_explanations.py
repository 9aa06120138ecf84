"""Explanations of a release that the chain made, held against scores that are made anew."""

import json

import numpy as np
import pytest

from hidden_gems.benchmark.certainty import Pairs
from hidden_gems.benchmark.explained import Anew, tell
from hidden_gems.benchmark.faithfulness import CHECKS, faithfulness
from hidden_gems.benchmark.opened import Opened, askers, open_release
from hidden_gems.benchmark.rating_sheet import FILLED, SHOWN, read_sheets, sheet, write_sheet
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.recommend.certainty import Certainty
from tests.integration.chain import Chain

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def opened(chain: Chain) -> Opened:
    return open_release(chain.releases[0], chain.dataset)


def test_explanations_are_faithful(opened: Opened) -> None:
    found = faithfulness(opened, 30, seed=1)
    report = found.as_dict()
    assert report["counts"]["answers"] == 30
    assert report["counts"]["en"] == report["counts"]["tr"] == 15
    assert report["counts"]["strangers"] >= 3
    for name in CHECKS:
        assert report["checks"][name]["of"] > 0, name
        assert report["checks"][name]["kept"], json.dumps(report["checks"][name], ensure_ascii=False)
    assert json.loads(json.dumps(report)) == report


def test_the_same_seed_asks_the_same(opened: Opened) -> None:
    first, second, other = (list(askers(opened, 12, seed)) for seed in (1, 1, 2))
    assert first == second != other
    assert len({request.user_id for request in first}) == 12
    assert opened.person(first[9].user_id).embedding == 0
    assert all(opened.person(request.user_id).embedding for request in first[:9])


def test_a_place_of_the_path_that_is_not_there_changes_nothing(opened: Opened) -> None:
    request = next(askers(opened, 1, 3))
    told = tell(opened, request, np.random.default_rng(0))
    anew = Anew(opened, told)
    np.testing.assert_allclose(anew.never_visited("nowhere"), anew.score(told.shown.vectors), atol=1e-6)


def test_a_release_says_how_sure_it_is_and_is_judged_by_others(chain: Chain, opened: Opened) -> None:
    certainty = Certainty.load(chain.releases[0] / "policy")
    assert certainty == opened.world.certainty
    fits, judges = Pairs.of(opened, fits=True), Pairs.of(opened, fits=False)
    assert certainty == fits.fitted()
    assert certainty.people == fits.people > 0
    table = judges.bins(certainty).table()
    assert sum(pairs for pairs, _, _ in table) == 2 * len(judges.apart)
    assert judges.bins(certainty).error().value < judges.bins(Certainty(slope=20.0)).error().value


def test_a_release_is_opened_over_its_own_data_only(chain: Chain, opened: Opened) -> None:
    data = chain.dataset
    other = Dataset(**{**vars(data), "about": type(data.about)(**{**vars(data.about), "fingerprint": "other"})})
    with pytest.raises(BadInputError, match="another fingerprint"):
        open_release(chain.releases[0], other)


def test_a_sheet_is_written_filled_and_read(opened: Opened, tmp_path) -> None:  # type: ignore[no-untyped-def]
    rows = sheet(opened, 6, 0, lambda _: None)
    assert [row["language"] for row in rows] == ["en", "tr"] * 3
    assert len({row["id"] for row in rows}) == 6
    assert not [name for name in opened.release.users if name and name in json.dumps(rows)]
    filled = [row | dict(zip(FILLED, ("yes", "4", "5"), strict=True)) for row in rows]
    for name in ("a", "b"):
        write_sheet(filled, tmp_path / f"{name}.csv")
    ratings = read_sheets([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert ratings.ids == tuple(row["id"] for row in rows)
    assert {name: table.tolist() for name, table in ratings.values.items()} == {
        "accurate": [[1.0] * 6] * 2, "relevance": [[4.0] * 6] * 2, "trust": [[5.0] * 6] * 2,
    }  # fmt: skip
    head = (tmp_path / "a.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    assert head == ",".join((*SHOWN, *FILLED))
