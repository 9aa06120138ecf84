"""Candidates of one person, without tables of people: the same as the batch path finds."""

import numpy as np
import pytest

from hidden_gems.datasets.interactions import Interactions
from hidden_gems.recommend.candidates import CandidateConfig, CandidateGenerator

ITEMS = 401


def generator(config: CandidateConfig | None = None) -> CandidateGenerator:
    random = np.random.default_rng(0)
    log = Interactions(
        random.integers(1, 40, 600), random.integers(1, ITEMS, 600), np.arange(600), np.ones(600, np.float32), 40, ITEMS
    )
    place = random.normal([41.0, 29.0], 0.05, (ITEMS, 2))
    place[random.random(ITEMS) < 0.1] = np.nan
    return CandidateGenerator(config).fit(log, place, random.random(ITEMS)).without_people()


@pytest.mark.parametrize("liked", [[], [7], [9, 3, 250, 14, 77, 180, 12]])
@pytest.mark.parametrize("repeat", [True, False])
def test_one_person_gets_the_candidates_and_sources_of_the_batch(liked: list[int], repeat: bool) -> None:
    made, rows = generator(), np.array(liked, dtype=np.int64)
    given = np.random.default_rng(1).random((1, ITEMS)).astype(np.float32)
    log = Interactions(
        np.ones(len(rows), np.int64), rows, np.arange(len(rows)), np.ones(len(rows), np.float32), 2, ITEMS
    )
    batch = made.with_history(log).generate(np.array([1]), repeat, {"item_knn": given})
    out = np.zeros(ITEMS, dtype=bool)
    if not repeat:
        out[rows] = True
    one = made.for_one(rows, out, {"item_knn": given[0]})
    assert one.items.shape == (1, 200)
    assert np.array_equal(one.items, batch.items)
    assert np.array_equal(one.sources, batch.sources)
    assert one.names == batch.names


def test_a_source_that_is_given_stands_for_ours_and_one_that_is_off_is_not_asked() -> None:
    made = generator(CandidateConfig(size=20, whole_catalogue_up_to=1))
    near = np.full(ITEMS, -np.inf)
    near[[41, 42]] = [-3.0, -9.0]

    def named(off: tuple[str, ...] = ()) -> dict[str, list[int]]:
        found = made.for_one(np.array([7]), np.zeros(ITEMS, dtype=bool), {"nearby": near}, off)
        tags = [(int(row), found.tags(0, place)) for place, row in enumerate(found.items[0])]
        return {name: [row for row, names in tags if name in names] for name in found.names}

    assert named()["nearby"] == [41, 42]
    assert named()["own"] == [7]
    without = named(("nearby", "own"))
    assert not {"nearby", "own"} & without.keys()
    assert sum(len(rows) for rows in without.values()) >= 20


def test_what_is_out_of_the_question_is_never_found_and_row_0_always_is() -> None:
    out = np.ones(ITEMS, dtype=bool)
    out[[0, 5, 9]] = False
    found = generator().for_one(np.array([5]), out, {})
    assert sorted(found.items[0].tolist()) == [5, 9]
    nothing = generator().for_one(np.empty(0, np.int64), np.ones(ITEMS, dtype=bool), {})
    assert nothing.items.shape == (1, 0)
    assert out[0] == False  # noqa: E712 – the caller's mask is left as it was


def test_more_sources_are_tagged_by_their_names() -> None:
    trending = np.full(ITEMS, -np.inf)
    trending[[300, 301]] = [5.0, 9.0]
    found = generator(CandidateConfig(size=20, whole_catalogue_up_to=1)).for_one(
        np.empty(0, np.int64), np.zeros(ITEMS, dtype=bool), {"trending": trending}
    )
    tags = {int(row): found.tags(0, place) for place, row in enumerate(found.items[0])}
    assert [row for row, names in tags.items() if "trending" in names] == [301, 300]
