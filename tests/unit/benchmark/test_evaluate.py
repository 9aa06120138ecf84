import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hidden_gems.benchmark import pool as room
from hidden_gems.benchmark.evaluate import evaluate
from hidden_gems.benchmark.judgement import AMONG
from hidden_gems.benchmark.rank import rank
from hidden_gems.benchmark.shelf import Shelf, leaf_rows
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.split import split_by_time
from hidden_gems.evaluation.page import page
from hidden_gems.evaluation.report import Evaluation
from hidden_gems.features.schema import FEATURE_SERVICE
from tests import tables

NEW, REPEATS, SLATES = "full catalogue, new places", "full catalogue, with repeats", "impression lists"


@pytest.fixture(scope="module")
def rich() -> Dataset:
    return tables.rich_dataset(users=60, events=1_500, days=80)


@pytest.fixture(scope="module")
def found(rich: Dataset) -> Evaluation:
    def oracle(user: list[str], item: list[str], when: np.ndarray) -> np.ndarray:
        return np.array([int(u[1:]) % 4 == int(i[1:]) % 4 for u, i in zip(user, item, strict=True)], dtype=float)

    return evaluate(rich, ["item_knn"], oracle=oracle, resamples=100)


def test_every_model_under_every_protocol(found: Evaluation) -> None:
    assert {f.model for f in found.figures} == {"popular", "item_knn", "random", "oracle", "logged order"}
    assert set(found.protocols) == set(room.PROTOCOLS)
    for model in ("popular", "item_knn", "random", "oracle"):
        assert {f.protocol for f in found.figures if f.model == model} == set(room.PROTOCOLS) - {AMONG}
    assert {f.protocol for f in found.figures if f.model == "logged order"} == {SLATES}
    assert {f.metric for f in found.figures if f.protocol == NEW} == {
        "ndcg@10", "recall@10", "hit_rate@10", "mrr@10", "auc", "novelty@10", "tail_share@10", "rare_share@10",
        "diversity@10", "coverage@10", "gini@10", "next_item@10", "popularity_lift@10",
    }  # fmt: skip


def test_who_knows_the_truth_is_best_and_who_knows_nothing_worst(found: Evaluation) -> None:
    value = {model: found.figure(model, REPEATS, "ndcg@10").value for model in ("random", "popular", "oracle")}
    assert value["random"] < value["popular"]
    assert value["random"] < value["oracle"]
    assert found.figure("oracle", REPEATS, "auc").value > 0.6
    assert found.figure("random", REPEATS, "auc").value == pytest.approx(0.5, abs=0.05)


def test_intervals_hold_their_value_and_differences_are_paired_with_popular(found: Evaluation) -> None:
    known = [f for f in found.figures if math.isfinite(f.low)]
    assert all(f.low <= f.value <= f.high for f in known)
    assert {f.metric.split("@")[0] for f in found.figures if not math.isfinite(f.low)} >= {"coverage", "gini"}
    difference = next(d for d in found.differences if (d.model, d.protocol) == ("random", REPEATS))
    random, popular = (found.figure(model, REPEATS, "ndcg@10").value for model in ("random", "popular"))
    assert difference.value == pytest.approx(random - popular)
    assert not any(d.model == "popular" for d in found.differences)


def test_the_dict_is_json_and_says_what_it_rests_on(found: Evaluation, rich: Dataset) -> None:
    read = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    split = split_by_time(rich)
    assert read["cut"] == {"rank_from": split.rank_from, "test_from": split.test_from}
    assert read["fingerprint"] == "made-up"
    assert read["counts"]["people"] == 60
    assert read["counts"]["items"] == 40
    assert read["counts"]["impressions"] == len(rich.impressions)
    assert any(row["low"] is None for row in read["figures"])
    assert set(read["seconds"]) == {"popular", "item_knn", "random"}


def test_the_page_needs_nothing_else_and_says_simulated(found: Evaluation) -> None:
    html = page(found)
    assert "These are simulated data" not in html
    assert "These are simulated data" in page(replace(found, simulated=True))
    assert "http" not in html.replace("http-equiv", "")
    assert "<script" not in html
    assert html.count("<svg") == 3  # popularity, differences, cohorts
    for words in (*found.protocols, *found.protocols.values(), found.fingerprint, "seed 0"):
        assert words.replace("'", "&#x27;") in html
    assert "&lt;b&gt;" in page(replace(found, dataset="<b>"))


def test_the_page_shows_cohorts_of_twenty_people_and_more(found: Evaluation) -> None:
    def shown(users: int) -> str:
        return page(replace(found, cohorts=tuple(replace(f, users=users, cohort="a part") for f in found.cohorts)))

    assert found.cohorts
    assert "a part: 20 people" in shown(20)
    assert "a part" not in shown(19)


def test_lines_for_a_terminal(found: Evaluation) -> None:
    head, *body = found.lines(("ndcg@10", "coverage@10"))
    assert head == ("protocol", "model", "ndcg@10", "coverage@10")
    line = next(line for line in body if line[:2] == (NEW, "popular"))
    figure = found.figure("popular", NEW, "ndcg@10")
    assert line[2] == f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})"
    assert line[3] == f"{found.figure('popular', NEW, 'coverage@10').value:.4f}"
    slates = next(line for line in body if line[0] == SLATES)
    assert slates[3] == ""


def test_a_figure_that_was_not_asked_for(found: Evaluation) -> None:
    with pytest.raises(KeyError):
        found.figure("sasrec", NEW, "ndcg@10")


def test_an_unknown_model_is_one_sentence(rich: Dataset) -> None:
    with pytest.raises(BadInputError, match=r"there is no model 'magic'; the shelf has popular, recent_popular"):
        evaluate(rich, ["magic"])
    with pytest.raises(BadInputError, match="k must be at least 1"):
        rank(rich, "popular", k=0)


def test_repeats_are_left_out_where_nobody_comes_back() -> None:
    visits = tables.plain_dataset()
    once = visits.interactions.drop_duplicates(["user_id", "item_id"]).reset_index(drop=True)
    found = evaluate(replace(visits, interactions=once), [], resamples=20)
    assert set(found.protocols) == {NEW, "100 uniform negatives, new places", AMONG}
    assert found.notes == ("People hardly come back to the same item here, so figures with repeats are left out.",)


def test_what_cannot_be_computed_has_no_people() -> None:
    whole = tables.plain_dataset()
    lonely = replace(whole, interactions=whole.interactions.iloc[:1])
    found = evaluate(lonely, ["lambdamart"], resamples=20)
    figure = found.figure("popular", NEW, "diversity@10")
    assert (figure.users, math.isnan(figure.value)) == (0, True)
    assert "lambdamart found nothing to learn from in these data; item_knn stands in for it." in found.notes
    assert "not computable (0 people)" in {cell for line in found.lines() for cell in line}


def test_progress_ends_at_the_whole(rich: Dataset) -> None:
    told: list[tuple[str, float]] = []
    evaluate(rich, [], progress=lambda what, share: told.append((what, share)), resamples=10)
    assert told == [("popular", 0.0), ("random", 0.5), ("done", 1.0)]


def test_leaves_grow_with_the_rows() -> None:
    assert [leaf_rows(n) for n in (0, 20_999, 21_000, 500_000, 10**7)] == [20, 20, 21, 500, 500]


@pytest.mark.parametrize("model", ["popular", "item_knn", "random"])
def test_rank_gives_everyone_new_items_in_order(rich: Dataset, model: str) -> None:
    lines = rank(rich, model, k=5)
    assert list(lines.columns) == ["user_id", "rank", "item_id", "score"]
    known = set(zip(rich.interactions["user_id"], rich.interactions["item_id"], strict=True))
    assert not known & set(zip(lines["user_id"], lines["item_id"], strict=True))
    assert set(lines["user_id"]) <= set(rich.interactions["user_id"])
    assert "" not in set(lines["item_id"])
    for _, mine in lines.groupby("user_id"):
        assert mine["rank"].tolist() == list(range(1, len(mine) + 1))
        assert len(mine) <= 5
        assert mine["score"].is_monotonic_decreasing
    again = rank(rich, model, k=5, repeat=True)
    assert again.groupby("user_id").size().eq(5).all()
    assert again["user_id"].nunique() == rich.interactions["user_id"].nunique()
    assert known & set(zip(again["user_id"], again["item_id"], strict=True))


def test_rank_gives_ids_back_as_they_came(rich: Dataset) -> None:
    lines = rank(rich, "popular", k=1, repeat=True, original_ids={"u1": "Ayşe"})
    assert "Ayşe" in set(lines["user_id"])
    assert "u1" not in set(lines["user_id"])
    assert "u2" in set(lines["user_id"])


def test_the_funnel_ranks_candidates_without_knowing_the_test(rich: Dataset) -> None:
    split = split_by_time(rich)
    after = rich.interactions["timestamp"] >= split.test_from
    shuffled = rich.interactions.copy()
    shuffled.loc[after, "item_id"] = shuffled.loc[after, "item_id"].to_numpy()[::-1]
    shown = rich.impressions[rich.impressions["timestamp"] < split.test_from].reset_index(drop=True)
    other = replace(rich, interactions=shuffled, impressions=shown)
    users = np.arange(1, 20)
    contenders = [Shelf(data, split).contender("lambdamart") for data in (rich, other)]
    for repeat in (False, True):
        mine, theirs = (contender.catalogue(users, repeat) for contender in contenders)
        assert np.array_equal(mine, theirs)
        assert np.isneginf(mine[:, 0]).all()
        assert np.isfinite(mine[:, 1:]).all()


def test_the_funnel_beats_random_and_reads_the_moment_of_an_impression(rich: Dataset) -> None:
    found = evaluate(rich, ["lambdamart"], resamples=20)
    value = {name: found.figure(name, REPEATS, "ndcg@10").value for name in ("random", "lambdamart")}
    assert value["lambdamart"] > 1.1 * value["random"]
    assert found.figure("lambdamart", SLATES, "ndcg@10").users > 10
    assert not found.notes


def test_the_ranker_learns_from_logged_vectors_where_there_are_some(rich: Dataset) -> None:
    split = split_by_time(rich)
    before = Shelf(rich, split).ranking_rows()
    shown = rich.impressions.copy()
    shown["vector"] = pd.Series([np.full(60, n, dtype=np.float32) for n in range(len(shown))], dtype=object)
    shown["feature_service"] = FEATURE_SERVICE
    shelf = Shelf(replace(rich, impressions=shown), split)
    rows = shelf.ranking_rows()
    has = shelf.training_set.has_logged
    assert 0 < has.sum() < len(has)
    np.testing.assert_array_equal(rows.x[has], shelf.training_set.logged[has])
    np.testing.assert_array_equal(rows.x[~has], before.x[~has])
    np.testing.assert_array_equal(rows.label, before.label)
