from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.datasets.assemble import pseudonymise
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.split import TimeSplit, split_by_time
from hidden_gems.features.schema import FEATURE_NAMES, FEATURE_SERVICE
from hidden_gems.training.labels import interaction_labels
from hidden_gems.training.training_set import (
    MARKS,
    TrainingSet,
    TrainingSetConfig,
    _keep_queries,
    build_marks,
    build_training_set,
    label_window,
)
from tests import tables

ITEMS = [f"g{i}" for i in range(40)]


def everything(moment: int, people: list[str], repeat: bool) -> list[list[str]]:
    return [list(ITEMS) for _ in people]


def only_new(dataset: Dataset, moment: int, people: list[str], repeat: bool) -> list[list[str]]:
    past = dataset.before(moment).interactions
    known = past.groupby("user_id")["item_id"].agg(set).to_dict()
    return [[item for item in ITEMS if repeat or item not in known.get(user, set())] for user in people]


@pytest.fixture(scope="module")
def rich() -> Dataset:
    return tables.rich_dataset(days=80)


@pytest.fixture(scope="module")
def plain() -> Dataset:
    return tables.plain_dataset()


def test_lists_are_labelled_by_what_came_from_the_moment_to_the_end_of_the_slice(plain: Dataset) -> None:
    split = split_by_time(plain)
    marks = build_marks(plain, split, everything)
    assert tuple(marks.columns) == MARKS
    events = plain.between(split.rank_from, split.test_from).interactions
    first = marks[marks["query_id"] == 0]
    user, moment = first["user_id"].iloc[0], first["timestamp"].iloc[0]
    assert moment == split.rank_from == marks["timestamp"].min()
    came = set(events.loc[(events["user_id"] == user) & (events["timestamp"] >= moment), "item_id"])
    assert set(first.loc[first["label"] == 5, "item_id"]) == came
    assert set(first["label"]) == {0, 5}
    assert len(first) == 40
    for _, query in marks.groupby("query_id"):
        assert query[["user_id", "timestamp"]].drop_duplicates().shape[0] == 1
        later = events[
            (events["user_id"] == query["user_id"].iloc[0]) & (events["timestamp"] >= query["timestamp"].iloc[0])
        ]
        assert set(query.loc[query["label"] > 0, "item_id"]) == set(later["item_id"])


def test_queries_are_whole_in_order_and_never_all_alike(plain: Dataset) -> None:
    split = split_by_time(plain)
    marks = build_marks(plain, split, everything)
    assert (np.diff(marks["query_id"]) >= 0).all()
    assert set(np.diff(marks["query_id"])) == {0, 1}
    assert (np.diff(marks["timestamp"]) >= 0).all()
    spread = marks.groupby("query_id")["label"].agg(["min", "max"])
    assert (spread["min"] < spread["max"]).all()
    assert marks["timestamp"].nunique() == TrainingSetConfig().moments == 4
    assert marks["timestamp"].between(split.rank_from, split.test_from - 1).all()
    assert marks["slate_id"].isna().all()


def test_each_person_is_asked_with_known_items_and_without(plain: Dataset) -> None:
    split = split_by_time(plain)
    marks = build_marks(plain, split, lambda m, p, r: only_new(plain, m, p, r), TrainingSetConfig(moments=1))
    queries = marks.groupby("query_id").agg(user=("user_id", "first"), size=("item_id", "size"))
    both = queries.groupby("user")["size"].agg(["count", "min", "max"])
    assert both["count"].max() == 2
    assert (both.loc[both["count"] == 2, "min"] < 40).all()
    assert both["max"].max() == 40


def test_sizes_are_kept(plain: Dataset) -> None:
    split = split_by_time(plain)
    few = build_marks(plain, split, everything, TrainingSetConfig(max_queries=8, negatives=3))
    assert 0 < few["query_id"].nunique() <= 8
    assert (few.groupby("query_id")["label"].agg(lambda labels: (labels == 0).sum()) == 3).all()
    again = build_marks(plain, split, everything, TrainingSetConfig(max_queries=8, negatives=3))
    pd.testing.assert_frame_equal(few, again)
    other = build_marks(plain, split, everything, TrainingSetConfig(max_queries=8, negatives=3, seed=1))
    assert not few.equals(other)


def renamed(dataset: Dataset, key: bytes) -> tuple[Dataset, dict[str, str]]:
    """The same people under pseudonyms of a key, and who is who."""
    parts = {name: getattr(dataset, name) for name in ("interactions", "users", "impressions")}
    who = pseudonymise(parts, Pseudonyms(key))
    return replace(dataset, **parts), who


@pytest.mark.parametrize("queries", [4_000, 60])
def test_names_of_people_decide_about_nothing(rich: Dataset, queries: int) -> None:
    split, config = split_by_time(rich), TrainingSetConfig(max_queries=queries, negatives=5)
    by_key = []
    for key in (b"one", b"two"):
        people, who = renamed(rich, key)
        learned = build_training_set(people, split, lambda m, p, r, d=people: only_new(d, m, p, r), config)
        by_key.append((learned.marks.assign(user_id=learned.marks["user_id"].map(who)), learned.raw))
    (marks, raw), (other_marks, other_raw) = by_key
    pd.testing.assert_frame_equal(marks, other_marks)
    pd.testing.assert_frame_equal(raw, other_raw)
    assert marks["query_id"].nunique() > queries // 100
    lists = marks[marks["slate_id"].isna()].drop_duplicates("query_id")
    place = {name: row for row, name in enumerate(rich.users["user_id"])}
    order = lists["user_id"].map(place).to_numpy()
    assert (np.diff(order) < 0).sum() < 2 * lists["timestamp"].nunique()  # people follow the dataset in each list


def test_slates_are_queries_with_their_own_moment_and_positions(rich: Dataset) -> None:
    split = split_by_time(rich)
    marks = build_marks(rich, split, everything)
    slates = marks[marks["slate_id"].notna()]
    assert len(slates)
    assert marks["slate_id"].isna().any()
    shown = rich.impressions.set_index(["slate_id", "position"])["item_id"].to_dict()
    found = dict(
        zip(zip(slates["slate_id"], slates["position"].astype(int), strict=True), slates["item_id"], strict=True)
    )
    assert all(shown[key] == item for key, item in found.items())
    assert (slates["timestamp"] + label_window(split) < split.test_from)[slates["label"] < 5].all()
    assert slates["timestamp"].min() >= split.rank_from
    without = build_marks(rich, split, everything, TrainingSetConfig(slates=False))
    assert without["slate_id"].isna().all()


def test_gems_of_a_slate_that_were_never_seen_teach_nothing(rich: Dataset) -> None:
    split = split_by_time(rich)
    second = rich.impressions["position"] == 1
    marks = build_marks(replace(rich, impressions=rich.impressions.assign(unseen=second)), split, everything)
    slates = marks[marks["slate_id"].notna()]
    assert {0, 2} <= set(slates["position"])
    assert not (slates["position"] == 1).any()
    assert (build_marks(rich, split, everything)["position"] == 1).any()


def test_the_window_leaves_half_of_a_short_slice() -> None:
    assert label_window(TimeSplit(0, 14 * DAY_SECONDS)) == 7 * DAY_SECONDS
    assert label_window(TimeSplit(0, 14 * DAY_SECONDS - 2)) == 7 * DAY_SECONDS - 1
    assert label_window(TimeSplit(0, 100 * DAY_SECONDS)) == 7 * DAY_SECONDS
    assert label_window(TimeSplit(5, 5)) == 1


def test_nothing_from_the_test_on_is_read(rich: Dataset) -> None:
    split = split_by_time(rich)
    whole = build_training_set(rich, split, everything)
    cut = build_training_set(rich.before(split.test_from), split, everything)
    pd.testing.assert_frame_equal(whole.marks, cut.marks)
    pd.testing.assert_frame_equal(whole.raw, cut.raw)


def test_nothing_at_or_after_a_marks_second_reaches_its_raw_columns(rich: Dataset) -> None:
    split = split_by_time(rich)
    learned = build_training_set(rich, split, everything, TrainingSetConfig(slates=False))
    moment = int(learned.marks["timestamp"].max())
    assert moment in set(rich.interactions["timestamp"])  # something happened in that very second
    at = (learned.marks["timestamp"] == moment).to_numpy()
    past = rich.before(moment)
    from hidden_gems.features.counts import raw_columns

    again = raw_columns(past, learned.marks[at].reset_index(drop=True))
    pd.testing.assert_frame_equal(learned.raw[at].reset_index(drop=True), again)


def served(dataset: Dataset, service: str = FEATURE_SERVICE) -> Dataset:
    """The same dataset with a vector for every second impression; each says which one it is."""
    shown = dataset.impressions.copy()
    row = np.arange(len(shown))
    vectors = row[:, None] + np.linspace(0, 0.5, len(FEATURE_NAMES), dtype=np.float32)
    shown["vector"] = pd.Series([vector if n % 2 else None for n, vector in enumerate(vectors)], dtype=object)
    shown["feature_service"] = np.where(row % 4 == 1, "before_v0", service)
    return replace(dataset, impressions=shown)


def test_a_served_slate_is_learned_from_the_vectors_that_were_logged(rich: Dataset) -> None:
    split, config = split_by_time(rich), TrainingSetConfig(negatives=5)
    live = served(rich)
    learned = build_training_set(live, split, everything, config)
    row = {key: n for n, key in enumerate(zip(rich.impressions["slate_id"], rich.impressions["position"], strict=True))}
    marks = learned.marks
    behind = [
        -1 if slate is None or slate != slate else row[slate, int(position)]
        for slate, position in zip(marks["slate_id"], marks["position"], strict=True)
    ]
    expected = np.array([n % 4 == 3 for n in behind]) & (np.array(behind) >= 0)
    assert 0 < expected.sum() < marks["slate_id"].notna().sum()
    np.testing.assert_array_equal(learned.has_logged, expected)
    assert learned.logged.dtype == np.float32
    assert learned.logged[expected][:, 0].tolist() == [float(n) for n, has in zip(behind, expected, strict=True) if has]
    assert np.isnan(learned.logged[~expected]).all()
    before = build_training_set(rich, split, everything, config)
    assert not before.has_logged.any()
    pd.testing.assert_frame_equal(marks, before.marks)
    pd.testing.assert_frame_equal(learned.raw, before.raw)


def test_a_vector_of_another_service_or_length_is_made_anew(rich: Dataset) -> None:
    split, config = split_by_time(rich), TrainingSetConfig(max_queries=200, negatives=5)
    assert not build_training_set(served(rich, "next_v9"), split, everything, config).has_logged.any()
    live = served(rich)
    short = live.impressions["vector"].map(lambda vector: None if vector is None else vector[:-1])
    cut = replace(live, impressions=live.impressions.assign(vector=short))
    assert not build_training_set(cut, split, everything, config).has_logged.any()


def test_logged_vectors_are_written_and_read_again(rich: Dataset, tmp_path) -> None:
    split = split_by_time(rich)
    learned = build_training_set(served(rich), split, everything, TrainingSetConfig(negatives=5))
    learned.write(tmp_path / "set")
    again = TrainingSet.read(tmp_path / "set")
    np.testing.assert_array_equal(again.has_logged, learned.has_logged)
    np.testing.assert_array_equal(again.logged, learned.logged)
    assert again.logged.dtype == np.float32


def test_nothing_to_learn_is_an_empty_set(plain: Dataset) -> None:
    lonely = replace(plain, interactions=plain.interactions.iloc[:1])
    marks = build_marks(lonely, split_by_time(lonely), everything)
    assert len(marks) == 0
    assert tuple(marks.columns) == MARKS


def test_written_and_read_again(rich: Dataset, tmp_path) -> None:
    split = split_by_time(rich)
    learned = build_training_set(rich, split, everything, TrainingSetConfig(max_queries=20))
    learned.write(tmp_path / "set")
    again = TrainingSet.read(tmp_path / "set")
    assert again.split == split
    assert again.fingerprint == "made-up"
    assert again.queries.tolist() == learned.marks.groupby("query_id").size().tolist()
    pd.testing.assert_frame_equal(again.raw, learned.raw)
    pd.testing.assert_frame_equal(
        again.marks[["user_id", "item_id", "label"]], learned.marks[["user_id", "item_id", "label"]]
    )


def test_no_query_is_drawn_twice() -> None:
    marks = pd.DataFrame({"query": np.repeat([f"q{n}" for n in range(50)], 2), "label": [0, 1] * 50})
    kept = _keep_queries(marks, 30, np.random.default_rng(0))
    assert kept["query"].nunique() == 30


def test_of_several_answers_in_a_list_the_best_is_its_label(rich: Dataset) -> None:
    split = split_by_time(rich)
    marks = build_marks(rich, split, everything, TrainingSetConfig(slates=False, moments=1))
    events = rich.between(split.rank_from, split.test_from).interactions
    events = events.assign(label=interaction_labels(events))
    met = events.groupby(["user_id", "item_id"])["label"].agg(["max", "min"])
    mixed = met[(met["min"] > 0) & (met["max"] > met["min"])]
    found = marks.set_index(["user_id", "item_id"])["label"]
    found = found[found.index.isin(mixed.index)]
    assert len(found)
    assert (found == mixed["max"].reindex(found.index)).all()
