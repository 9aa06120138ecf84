import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hidden_gems.benchmark.apart import Ended
from hidden_gems.benchmark.cache import Cache
from hidden_gems.benchmark.evaluate import evaluate, with_baselines
from hidden_gems.benchmark.judgement import AMONG, ITEMS_UNDER, Judgement, judge
from hidden_gems.benchmark.pool import CHOSEN, COLD, HEAVY, RETURNING, WARM, pooled
from hidden_gems.benchmark.rolling import Part, evaluate_rolling, plan, seconds_left
from hidden_gems.benchmark.sheet import Sheet, Window, rolling_windows
from hidden_gems.benchmark.shelf import Shelf
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.split import TimeSplit, split_by_time
from hidden_gems.evaluation.report import Evaluation
from tests import tables

NEW, REPEATS, SLATES = "full catalogue, new places", "full catalogue, with repeats", "impression lists"


@pytest.fixture(scope="module")
def rich() -> Dataset:
    return tables.rich_dataset(users=60, events=1_500, days=80)


@pytest.fixture(scope="module")
def found(rich: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    folder = tmp_path_factory.mktemp("kept")
    return evaluate_rolling(rich, ["item_knn"], folder, cutoffs=2, jobs=2, resamples=50)


@pytest.fixture(scope="module")
def once(rich: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Evaluation]:
    """A folder of finished work at one cut-off, and what was found."""
    folder = tmp_path_factory.mktemp("once")
    return folder, evaluate_rolling(rich, [], folder, cutoffs=1, jobs=1, resamples=10)


def test_four_cut_offs_are_tenths_and_each_test_ends_where_the_next_begins(rich: Dataset) -> None:
    windows = rolling_windows(rich, 4)
    times = rich.interactions["timestamp"].to_numpy()
    for window, share in zip(windows, (0.6, 0.7, 0.8, 0.9), strict=True):
        assert (times < window.split.test_from).mean() == pytest.approx(share, abs=0.01)
        assert (times < window.split.rank_from).mean() == pytest.approx(share - 0.2, abs=0.01)
    assert [w.until for w in windows[:-1]] == [w.split.test_from for w in windows[1:]]
    assert windows[-1].until is None
    assert windows[2].split.rank_from == windows[0].split.test_from  # a fit that two windows share
    assert rolling_windows(rich, 1) == [Window(split_by_time(rich))]
    assert windows[2].split == split_by_time(rich)
    with pytest.raises(BadInputError, match="at least 1 cut-off, got 0"):
        rolling_windows(rich, 0)


def test_cut_offs_on_one_moment_are_one(rich: Dataset) -> None:
    once = replace(rich, interactions=rich.interactions.assign(timestamp=[1] * 500 + [2] * 500 + [3] * 500))
    assert len({window.split.test_from for window in rolling_windows(once, 4)}) == len(rolling_windows(once, 4))


def test_a_sheet_by_hand(rich: Dataset) -> None:
    window = rolling_windows(rich, 2)[0]
    shelf = Shelf(rich, window.split)
    sheet = Sheet.of(shelf, window, 0)
    past = rich.interactions[rich.interactions["timestamp"] < window.split.test_from]
    test = rich.interactions[
        (rich.interactions["timestamp"] >= window.split.test_from) & (rich.interactions["timestamp"] < window.until)
    ]
    positive, after = past[past["reward"] > 0], test[test["reward"] > 0]
    assert sheet.answers == len(after)
    assert sheet.counts[shelf.items.rows(["i3"])[0]] == (positive["item_id"] == "i3").sum()
    assert sheet.events.sum() == sheet.counts.sum() == len(positive)
    new, repeats = sheet.settings
    assert (new.name, repeats.name) == ("new places", "with repeats")
    for setting in (new, repeats):
        for user, item in zip(setting.truth.users, setting.next_item, strict=True):
            mine = after[after["user_id"] == shelf.users.ids[user]]
            known = set(past.loc[past["user_id"] == shelf.users.ids[user], "item_id"])
            wanted = mine if setting.repeat else mine[~mine["item_id"].isin(known)]
            assert shelf.items.ids[item] == wanted["item_id"].iloc[0]
    assert not sheet.new_items(5)[0]
    assert sheet.new_items(1).sum() == (sheet.counts[1:] == 0).sum()
    assert sheet.groups[0] == -1
    assert sheet.group_names[sheet.groups[1]] == str(rich.items["neighborhood"].iloc[0])


def test_the_plan_puts_what_is_needed_before_and_fits_nothing_twice() -> None:
    first, second = Window(TimeSplit(10, 30), 40), Window(TimeSplit(30, 40))
    parts = plan(with_baselines(["item_knn", "ncf", "lambdamart", "random"]), [first, second])
    assert len({(part.name, part.before) for part in parts}) == len(parts) == 2 + 5 + 5
    assert [(p.name, p.before) for p in parts if p.window is None] == [("ncf", 10), ("item_knn", 10)]
    ranker = [p for p in parts if p.name == "lambdamart"]
    assert [{(parts[n].name, parts[n].before) for n in p.after} for p in ranker] == [
        {(name, before) for name in ("ncf", "item_knn") for before in at} for at in ((10, 30), (30, 40))
    ]
    assert parts[2].name == "ncf"  # what takes longest first
    blend = plan(["popular", "blend"], [second])
    assert {blend[n].name for n in blend[-1].after} >= {"popular", "item_knn", "ncf"}
    assert [p.name for p in blend if p.window] == ["popular", "blend"]


def test_the_time_left_goes_by_what_the_same_model_took() -> None:
    split = TimeSplit(1, 2)
    slow, fast = Part("ncf", 2, split, None), Part("popular", 2, split, None)
    ended = [Ended(0, "", 100.0, 1.0), Ended(1, "", 10.0, 1.0)]
    assert seconds_left([slow, fast], ended, [slow, slow, fast], 2) == pytest.approx((100 + 100 + 10) / 2)
    assert seconds_left([slow, fast], ended, [replace(slow, name="x")], 1) == pytest.approx(55.0)


def test_values_of_all_cut_offs_are_pooled(rich: Dataset, found: Evaluation) -> None:
    alone = []
    for window in rolling_windows(rich, 2):
        shelf = Shelf(rich, window.split)
        member = shelf.member("item_knn", window.split.test_from)
        sheet = Sheet.of(shelf, window, 0)
        alone.append(judge("item_knn", shelf.contender("item_knn"), sheet, 10, 0, member))
    for protocol, cohort in ((NEW, ""), (REPEATS, ""), (SLATES, ""), (AMONG, ITEMS_UNDER)):
        outcomes = [each.outcomes[protocol, cohort] for each in alone]
        for metric in outcomes[0].values:
            values = np.concatenate([outcome.values[metric] for outcome in outcomes])
            figure = found.figure("item_knn", protocol, metric, cohort)
            assert figure.value == pytest.approx(np.nanmean(values), nan_ok=True)
            people = np.concatenate([outcome.people for outcome in outcomes])
            assert figure.users == len(np.unique(people[~np.isnan(values)]))
    assert found.figure("item_knn", NEW, "gini@10").value == pytest.approx(
        np.mean([each.whole[NEW, "gini@10"] for each in alone])
    )
    assert found.held_out["item_knn"] == pytest.approx(tuple(each.held_out for each in alone))
    assert found.windows[0]["until"] == found.windows[1]["test_from"]
    assert not found.failed


def test_cohorts_are_parts_of_everyone(found: Evaluation) -> None:
    parts = [found.figure("popular", REPEATS, "ndcg@10", cohort) for cohort in (COLD, WARM, HEAVY)]
    known = [part for part in parts if part.users]
    assert len(known) >= 2
    whole = found.figure("popular", REPEATS, "ndcg@10")
    assert min(part.value for part in known) <= whole.value <= max(part.value for part in known)
    assert found.figure("popular", REPEATS, "ndcg@10", RETURNING).users <= whole.users
    with pytest.raises(KeyError):
        found.figure("popular", REPEATS, "ndcg@10", "nobody")


def test_who_is_chosen_was_best_on_what_was_held_out(found: Evaluation) -> None:
    best = tuple(
        max(("popular", "item_knn"), key=lambda name: found.held_out[name][cut]) for cut in range(len(found.windows))
    )
    assert found.chosen == best
    value = found.figure(CHOSEN, NEW, "ndcg@10").value
    values = {name: found.figure(name, NEW, "ndcg@10").value for name in best}
    assert min(values.values()) <= value <= max(values.values()) or len(set(best)) > 1


def test_any_two_models_are_compared(found: Evaluation) -> None:
    names = ("popular", "item_knn", "random")
    means = {name: found.figure(name, NEW, "ndcg@10").value for name in names}
    for first in names:
        for second in names:
            if first != second:
                one = found.comparison(first, second, NEW, "ndcg@10")
                assert one.ratio == pytest.approx(means[first] / means[second])
                assert one.difference == pytest.approx(means[first] - means[second])
                assert one.ratio_low <= one.ratio <= one.ratio_high
    assert found.comparison("item_knn", "random", NEW, "ndcg@10", WARM).users > 5
    assert found.comparison("item_knn", "random", NEW, "next_item@10").ratio > 1
    with pytest.raises(KeyError):
        found.comparison("item_knn", "random", NEW, "mrr@10")


def test_calibration_is_there_for_models_and_not_for_chance(found: Evaluation) -> None:
    assert set(found.calibration) >= {"popular", "item_knn"}
    assert "random" not in found.calibration
    pairs = [sum(row[0] for row in bins) for bins in found.calibration.values()]
    assert len(set(pairs)) == 1
    error = found.figure("item_knn", "100 uniform negatives, new places", "calibration_error")
    bins = found.calibration["item_knn"]
    assert error.value == pytest.approx(sum(n * abs(said - share) for n, said, share in bins) / pairs[0])


def test_a_report_is_read_back(found: Evaluation) -> None:
    plain = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    read = Evaluation.from_dict(plain)
    assert json.loads(json.dumps(read.as_dict(), allow_nan=False)) == plain
    assert read.comparison("random", "popular", NEW, "ndcg@10") == found.comparison("random", "popular", NEW, "ndcg@10")


def test_what_was_done_is_not_done_again_and_other_settings_are_other_work(
    rich: Dataset, once: tuple[Path, Evaluation]
) -> None:
    told: list[str] = []
    folder, first = once
    cache = Cache.of(folder, rich, "auto", 0, 10)
    [window] = rolling_windows(rich, 1)
    assert cache.is_judged("popular", window)
    assert cache.is_fitted("popular", window.split.test_from)
    again = evaluate_rolling(rich, [], folder, cutoffs=1, resamples=10, progress=lambda what, share: told.append(what))
    assert told[0] == "2 of 2 parts were done before"
    assert again.as_dict() == first.as_dict()
    for other in (Cache.of(folder, rich, "auto", 1, 10), Cache.of(folder, rich, "plan", 0, 10)):
        assert not other.is_judged("popular", window)
        assert not other.is_fitted("popular", window.split.test_from)
    shorter = Cache.of(folder, rich, "auto", 0, 5)
    assert not shorter.is_judged("popular", window)
    assert shorter.is_fitted("popular", window.split.test_from)  # k changes lists, not models
    alone = evaluate(rich, [], resamples=10)
    assert again.figure("popular", NEW, "ndcg@10") == alone.figure("popular", NEW, "ndcg@10")


def test_a_model_that_fails_is_named_and_the_others_go_on(
    rich: Dataset, once: tuple[Path, Evaluation], tmp_path: Path
) -> None:
    [window] = rolling_windows(rich, 1)
    shutil.copytree(once[0], tmp_path, dirs_exist_ok=True)
    folder = Cache.of(tmp_path, rich, "auto", 0, 10).members / str(window.split.test_from) / "item_knn"
    folder.mkdir(parents=True)  # a fitted model without any file
    found = evaluate_rolling(rich, ["item_knn"], tmp_path, cutoffs=1, resamples=10)
    assert list(found.failed) == ["item_knn"]
    assert found.failed["item_knn"].startswith("FileNotFoundError")
    assert {f.model for f in found.figures} == {"popular", "random", "logged order", CHOSEN}


def test_a_judgement_is_read_back(rich: Dataset, tmp_path: Path) -> None:
    shelf = Shelf(rich, split_by_time(rich))
    member = shelf.member("popular", shelf.split.test_from)
    sheet = Sheet.of(shelf, Window(shelf.split), 0)
    one = judge("popular", shelf.contender("popular"), sheet, 10, 0, member)
    one.save(tmp_path / "one")
    other = Judgement.load(tmp_path / "one")
    mine, theirs = (
        pooled(shelf, [sheet], [{"popular": each}], k=10, seed=0, resamples=10).as_dict() for each in (one, other)
    )
    assert mine == theirs
    assert math.isfinite(other.held_out)
    assert other.seconds == member.seconds
