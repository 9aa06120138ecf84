from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Interactions
from hidden_gems.recommend import candidates as room
from hidden_gems.recommend.candidates import CandidateConfig, CandidateGenerator


def log(*events: tuple[int, int, int], users: int = 4, items: int = 401) -> Interactions:
    rows = np.array(events, dtype=np.int64).reshape(-1, 3)
    return Interactions(rows[:, 0], rows[:, 1], rows[:, 2], np.ones(len(rows), dtype=np.float32), users, items)


SMALL = CandidateConfig(size=10, whole_catalogue_up_to=3)


def names(found: room.Candidates, person: int = 0) -> dict[int, tuple[str, ...]]:
    return {int(item): found.tags(person, place) for place, item in enumerate(found.items[person]) if item >= 0}


def test_a_small_catalogue_is_ranked_as_a_whole_and_a_large_one_to_its_size() -> None:
    few = CandidateGenerator().fit(log((1, 1, 0), items=301)).generate(np.array([2]))
    assert sorted(few.items[0]) == list(range(1, 301))
    many = CandidateGenerator().fit(log((1, 1, 0), items=302)).generate(np.array([1, 2]))
    assert many.items.shape == (2, 200)
    assert all(len(set(row)) == 200 for row in many.items.tolist())
    assert CandidateConfig().size == 200


def test_what_a_person_knows_is_left_out_unless_repeat() -> None:
    generator = CandidateGenerator(SMALL).fit(log((1, 5, 0), (1, 6, 1), (2, 7, 2), items=9))
    new = generator.generate(np.array([1, 3]))
    assert not {5, 6} & set(new.items[0].tolist())
    assert {5, 6} <= set(new.items[1].tolist())
    again = generator.generate(np.array([1]), repeat=True)
    assert again.items[0, 0] == 6  # own and latest
    assert "own" in names(again)[6]
    assert "own" not in names(again)[7]


def test_the_unknown_item_is_never_a_candidate() -> None:
    found = CandidateGenerator(SMALL).fit(log((0, 0, 0), (1, 0, 1), (1, 1, 2), items=30)).generate(np.array([0, 1]))
    assert (found.items != 0).all()


def test_recent_popularity_looks_back_thirty_days_and_no_further() -> None:
    last = 100 * DAY_SECONDS
    old = [(1, 1, last - 30 * DAY_SECONDS)] * 5
    late = [(2, 2, last - 30 * DAY_SECONDS + 1), (2, 3, last)]
    found = CandidateGenerator(SMALL).fit(log(*old, *late)).generate(np.array([3]))
    tags = names(found)
    assert "recent_popular" not in tags[1]
    assert "recent_popular" in tags[2]
    assert "recent_popular" in tags[3]
    assert found.items[0, 0] == 1  # the most popular of all time comes first


def test_order_only_times_have_a_last_tenth_instead() -> None:
    generator = CandidateGenerator(SMALL).fit(log(*((1, 1 + i, i) for i in range(20))), order_only=True)
    tags = names(generator.generate(np.array([3])))
    assert [item for item, sources in tags.items() if "recent_popular" in sources] == [19, 20]


def test_nearby_starts_from_the_last_places_and_needs_coordinates() -> None:
    place = np.full((401, 2), np.nan)
    place[1:, 0] = 41.0
    place[1:, 1] = 29.0 + np.arange(1, 401) ** 2 / 100_000
    place[57] = np.nan
    config = CandidateConfig(
        size=6,
        whole_catalogue_up_to=3,
        recent_places=1,
        shares=dict.fromkeys(("popular", "recent_popular", "own", "new"), 1e-6) | {"nearby": 1.0},
    )
    generator = CandidateGenerator(config).fit(log((1, 300, 0), (1, 56, 1), (2, 57, 2)), place)
    found = generator.generate(np.array([1, 2]))
    assert found.items[0].tolist() == [55, 54, 58, 53, 59, 52]
    assert "nearby" in found.tags(0, 0)
    assert not any("nearby" in sources for sources in names(found, 1).values())


def test_scores_of_other_models_are_a_source_with_their_name() -> None:
    given = np.full((2, 401), -np.inf, dtype=np.float32)
    given[0, [200, 100]] = [2.0, 3.0]
    found = CandidateGenerator(SMALL).fit(log((1, 1, 0))).generate(np.array([2, 3]), given={"ncf": given})
    assert found.names[-1] == "ncf"
    assert {200, 100} <= set(found.items[0].tolist())
    assert "ncf" in names(found)[100]
    assert found.items[0].tolist().index(100) < found.items[0].tolist().index(200)
    assert not any("ncf" in sources for sources in names(found, 1).values())


def test_new_items_by_their_birth() -> None:
    born = np.full(401, np.nan)
    born[[7, 8]] = [50.0, 60.0]
    config = CandidateConfig(
        size=2,
        whole_catalogue_up_to=1,
        shares=dict.fromkeys(("popular", "recent_popular", "own", "nearby"), 1e-6) | {"new": 1.0},
    )
    found = CandidateGenerator(config).fit(log((1, 9, 10)), created_at=born).generate(np.array([2]))
    assert found.items[0].tolist() == [8, 7]


def test_hidden_items_are_left_out_besides() -> None:
    hidden = sparse.csr_array(([1], ([0], [2])), shape=(1, 9))
    found = CandidateGenerator().fit(log((1, 2, 0), items=9)).generate(np.array([3]), hidden=hidden)
    assert sorted(found.items[0]) == [1, 3, 4, 5, 6, 7, 8]


def test_people_in_parts_get_what_they_get_together(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    events = [(int(random.integers(1, 9)), int(random.integers(1, 401)), t) for t in range(300)]
    generator = CandidateGenerator().fit(log(*events, users=9))
    given = random.random((8, 401)).astype(np.float32)
    whole = generator.generate(np.arange(1, 9), given={"ncf": given})
    monkeypatch.setattr(room, "_CHUNK_CELLS", 3 * 401)
    parts = generator.generate(np.arange(1, 9), given={"ncf": given})
    assert np.array_equal(whole.items, parts.items)
    assert np.array_equal(whole.sources, parts.sources)
    assert len(generator.generate(np.empty(0, dtype=np.int64)).items) == 0


def test_sources_share_the_list() -> None:
    events = [(1, item, item) for item in range(1, 401) for _ in range(401 - item)]
    given = np.tile(np.arange(401, dtype=np.float32), (1, 1))
    found = CandidateGenerator(SMALL).fit(log(*events, users=4)).generate(np.array([3]), given={"ncf": given})
    kept = set(found.items[0].tolist())
    assert {1, 2, 400, 399, 398} <= kept  # given scores are drawn from twice as fast as popularity
    assert len(kept & set(range(390, 401))) > len(kept & set(range(1, 11)))


NEAR = CandidateConfig(
    size=1,
    whole_catalogue_up_to=1,
    shares=dict.fromkeys(("popular", "recent_popular", "own", "new"), 1e-6) | {"nearby": 1.0},
)


def test_a_degree_of_longitude_is_shorter_than_one_of_latitude() -> None:
    place = np.full((6, 2), np.nan)
    place[1:4] = [[41.0, 29.0], [41.010, 29.0], [41.0, 29.013]]  # 1.11 km north, 1.09 km east
    found = CandidateGenerator(NEAR).fit(log((1, 1, 0), users=2, items=6), place).generate(np.array([1]))
    assert found.items[0].tolist() == [3]
    place[3, 1] = 29.0135  # 1.13 km
    found = CandidateGenerator(NEAR).fit(log((1, 1, 0), users=2, items=6), place).generate(np.array([1]))
    assert found.items[0].tolist() == [2]


def test_nearby_starts_from_the_latest_places_only() -> None:
    place = np.full((9, 2), np.nan)
    place[1:] = [(41.0 + 0.1 * item, 29.0) for item in range(1, 9)]
    config = replace(NEAR, recent_places=2, size=2)
    events = log((1, 1, 0), (1, 5, 1), (1, 8, 2), users=2, items=9)
    found = CandidateGenerator(config).fit(events, place).generate(np.array([1]))
    assert set(found.items[0].tolist()) < {4, 6, 7}  # not 2, beside the oldest
    assert CandidateConfig().recent_places == 5


def test_the_defaults_are_those_of_the_decision() -> None:
    config = CandidateConfig()
    assert (config.recent_days, config.own_decay, config.whole_catalogue_up_to) == (30.0, 0.98, 300)
    ours = {"popular": 0.5, "recent_popular": 0.5, "nearby": 0.5, "own": 1.0, "new": 0.1}
    assert dict(config.shares) == ours | {"floor": 0.1, "this_hour": 0.5}


def test_items_are_kept_in_a_file_and_people_are_not(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    place = random.normal(41, 0.1, size=(60, 2))
    events = [(1, int(item), 100 * step) for step, item in enumerate(random.integers(1, 60, size=200))]
    whole = CandidateGenerator(SMALL).fit(log(*events, items=60), place, created_at=random.random(60))
    whole.save(tmp_path / "items.npz")
    read = CandidateGenerator.load(tmp_path / "items.npz", SMALL)
    assert read.items == 60
    assert read.config is SMALL
    stranger = whole.generate(np.array([2]))
    for other in (read, whole.without_people()):
        found = other.generate(np.array([0]))
        assert np.array_equal(found.items, stranger.items)
        assert np.array_equal(found.sources, stranger.sources)
    known = whole.generate(np.array([1]), repeat=True)
    again = read.with_history(log(*events, users=2, items=60)).generate(np.array([1]), repeat=True)
    assert np.array_equal(again.items, known.items)
    assert np.array_equal(again.sources, known.sources)
    assert not np.array_equal(known.items, stranger.items)


def test_another_history_leaves_the_first_as_it_was() -> None:
    first = CandidateGenerator(SMALL).fit(log((1, 5, 0), items=9))
    other = first.with_history(log((1, 6, 0), (0, 7, 1), items=9))
    assert 5 not in first.generate(np.array([1])).items[0]
    assert 6 not in other.generate(np.array([1])).items[0]
    assert {5, 7} <= set(other.generate(np.array([1])).items[0].tolist())
