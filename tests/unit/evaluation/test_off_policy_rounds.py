"""Which tables can be estimated from, what the model of the reward may see, and the report as a whole."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hidden_gems.core.errors import BadInputError
from hidden_gems.evaluation.off_policy.estimators import Sample
from hidden_gems.evaluation.off_policy.report import estimate
from hidden_gems.evaluation.off_policy.reward_model import cross_fitted
from hidden_gems.evaluation.off_policy.rounds import read_rounds, rounds_of
from tests.off_policy_coverage import World, coverage

Tables = tuple[pd.DataFrame, pd.DataFrame]


def tables() -> Tables:
    """Two rounds of two places; nobody is named."""
    log = pd.DataFrame(
        {
            "round_id": ["a", "a", "b", "b"],
            "item_id": ["x", "y", "y", "z"],
            "position": [0, 1, 0, 1],
            "reward": [1.0, 0.0, 0.5, 0.0],
            "propensity": [0.5, 0.25, 0.5, 1.0],
        }
    )
    target = pd.DataFrame(
        {
            "round_id": ["a", "a", "b", "b"],
            "item_id": ["x", "y", "y", "w"],
            "probability": [0.75, 0.25, 0.4, 0.6],
        }
    )
    return log, target


def test_a_target_without_position_holds_for_every_place_and_lacks_nothing_but_zeros() -> None:
    found = rounds_of(*tables())
    assert found.probability.tolist() == [0.75, 0.25, 0.4, 0.0]
    assert found.chance.tolist() == [0.75, 0.25, 0.75, 0.25, 0.6, 0.4, 0.6, 0.4]  # w before y
    assert (found.rounds, found.cluster.tolist(), found.clustered_by) == (2, [0, 0, 1, 1], "round_id")


def test_a_target_with_position_holds_for_its_place() -> None:
    log, target = tables()
    first = target.assign(position=0)
    second = pd.DataFrame(
        {"round_id": ["a", "b", "b"], "item_id": ["y", "z", "x"], "probability": [1.0, 0.3, 0.7], "position": 1}
    )
    found = rounds_of(log, pd.concat([first, second]))
    assert found.probability.tolist() == [0.75, 1.0, 0.4, 0.3]


def test_the_estimates_of_the_whole_are_those_by_hand() -> None:
    report = estimate(rounds_of(*tables()), limit=1.0)
    weighed = np.array([1.5 * 1.0, 0.0, 0.8 * 0.5, 0.0])
    value = {name: each.value.value for name, each in report.estimates.items()}
    assert value["IPS"] == pytest.approx(weighed.mean())
    assert value["SNIPS"] == pytest.approx(weighed.sum() / 3.3)
    assert value["clipped IPS"] == pytest.approx((1.0 + 0.4) / 4)
    assert report.logged.value == pytest.approx(0.375)
    assert report.estimates["IPS"].difference.value == pytest.approx(weighed.mean() - 0.375)
    assert report.estimates["IPS"].effective == pytest.approx(3.3**2 / (1.5**2 + 1 + 0.8**2))
    assert report.support.weight.value == pytest.approx(3.3 / 4)
    assert (report.support.largest, report.support.never_wanted) == (1.5, 0.25)
    assert report.support.never_shown == pytest.approx(1.2 / 4)  # w, at both places of b


def test_files_of_both_kinds_and_ids_of_both_kinds_are_the_same(tmp_path: Path) -> None:
    log, target = World(seed=2).draw(300, 0)
    log.to_csv(tmp_path / "log.csv.gz", index=False)
    target.to_csv(tmp_path / "target.csv", index=False)
    log.astype({"round_id": int, "item_id": int, "user_id": int}).to_parquet(tmp_path / "log.parquet")
    target.astype({"round_id": int, "item_id": int}).to_parquet(tmp_path / "target.parquet")
    csv = estimate(read_rounds(tmp_path / "log.csv.gz", tmp_path / "target.csv"))
    parquet = estimate(read_rounds(tmp_path / "log.parquet", tmp_path / "target.parquet"))
    for name, each in csv.estimates.items():
        assert vars(each.value) == pytest.approx(vars(parquet.estimates[name].value), rel=1e-9)


def test_the_order_of_the_rows_does_not_matter() -> None:
    log, target = World(seed=2, places=2, people=50).draw(200, 0)
    mixed = log.sample(frac=1, random_state=1), target.sample(frac=1, random_state=2)
    assert estimate(rounds_of(*mixed)) == estimate(rounds_of(log, target))


def change(**to: object) -> Callable[[Tables], Tables]:
    """A cell of the log (`reward`) or of the target (`target_probability`) is another one."""

    def changed(both: Tables) -> Tables:
        log, target = both
        for name, value in to.items():
            table, column = (target, name.removeprefix("target_")) if name.startswith("target_") else (log, name)
            table[column] = table[column].astype(object)
            table.loc[table.index[1], column] = value
        return log, target

    return changed


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (change(propensity=0.0), r"log's propensity must be above 0 and at most 1: row 2"),
        (change(propensity=1.01), r"log's propensity must be above 0 and at most 1: row 2"),
        (change(propensity=float("nan")), r"log's propensity must be a number: row 2"),
        (change(reward="much"), r"log's reward must be a number: row 2"),
        (change(reward=float("inf")), r"log's reward must be a number: row 2"),
        (change(item_id=None), r"log's item_id must be an id: row 2"),
        (change(position=0.5), r"log's position must be a whole number from 0: row 2"),
        (change(position=0), r"log has more than one row of the same round_id, position: row 2; a round with"),
        (change(target_probability=-0.1), r"target's probability must be between 0 and 1: row 2"),
        (change(target_probability=0.5), r"must add up to 1; of 1 round_id they do not \(a: 1.25\)"),
        (change(target_item_id="x"), r"target has more than one row of the same round_id, item_id: row 2; keep one"),
        (lambda both: (both[0], both[1][:2]), r"target says nothing of 1 round_id of the log \(b\)"),
        (lambda both: (both[0][:2], both[1]), r"log has no row of 1 round_id of the target \(b\)"),
        (lambda both: (both[0], both[1].assign(position=0)), r"of the log \(a at position 1, b at position 1\)"),
        (lambda both: (both[0].drop(columns="propensity"), both[1]), r"log has no column propensity; found round_id,"),
        (lambda both: (both[0].drop(columns="position"), both[1]), r"a round with several places needs the column"),
        (lambda both: (both[0], both[1][:0]), r"target has no row"),
    ],
)
def test_what_cannot_be_estimated_from_is_refused(harm: Callable[[Tables], Tables], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        rounds_of(*harm(tables()))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    log, target = tmp_path / "log.parquet", tmp_path / "target.csv"
    tables()[1].to_csv(target, index=False)
    with pytest.raises(BadInputError, match=r"log.parquet is not there"):
        read_rounds(log, target)
    log.write_text("no parquet")
    with pytest.raises(BadInputError, match=r"log.parquet cannot be read"):
        read_rounds(log, target)
    with pytest.raises(BadInputError, match=r"must end with .parquet, .csv"):
        read_rounds(tmp_path / "log.xlsx", target)


def test_no_place_is_predicted_from_its_own_person() -> None:
    log, target = World(seed=3, people=100).draw(400, 0)
    before, other = rounds_of(log, target), log.copy()
    own = (log["user_id"] == log["user_id"][0]).to_numpy()
    other.loc[own, "reward"] = 50.0
    after = rounds_of(other, target)
    mine = after.reward == 50.0
    assert 0 < mine.sum() == own.sum()
    for q_before, q_after in zip(cross_fitted(before)[:2], cross_fitted(after)[:2], strict=True):
        assert q_after[mine].tolist() == q_before[mine].tolist()
        assert (np.abs(q_after - q_before)[~mine] > 0.01).any()


def test_the_model_knows_items_context_and_position() -> None:
    random = np.random.default_rng(0)
    rows = 3_000
    log = pd.DataFrame(
        {
            "round_id": np.arange(rows).astype(str),
            "item_id": random.choice(["x", "y"], rows),
            "position": random.integers(2, size=rows),
            "propensity": 0.5,
            "weather": random.choice(["rain", "sun"], rows),
            "hour": random.integers(24, size=rows),
        }
    )
    parts = (log["item_id"] == "x") * 0.4 + (log["position"] == 0) * 0.2 + (log["weather"] == "sun") * 0.2
    log["reward"] = parts + (log["hour"] > 12) * 0.2
    target = pd.DataFrame({"round_id": log["round_id"], "item_id": "x", "probability": 1.0})
    found = rounds_of(log, target)
    modelled, expected, notes = cross_fitted(found)
    assert notes == ()
    assert np.abs(modelled - found.reward).max() < 0.15
    under = found.reward + 0.4 * (found.item != found.candidate)
    assert np.abs(expected - under).max() < 0.15


@pytest.mark.parametrize("what", ["its number", "its score", "its kind"])
def test_a_column_that_tells_the_item_is_no_feature(what: str) -> None:
    log, target = World(seed=4).draw(1_500, 0)
    number = log["item_id"].astype(int)
    score = log.merge(target, on=["round_id", "position", "item_id"])["probability"]  # of the target, as it ranks
    told = {"its number": number, "its score": score, "its kind": (number % 5).map("kind {}".format)}[what]
    fair, biased = rounds_of(log, target), rounds_of(log.assign(told=told), target)
    q, q_biased = cross_fitted(fair), cross_fitted(biased)
    assert q[2] == ()
    assert q_biased[2] == ("told is no feature: it tells which item was shown (or the propensities are wrong)",)
    assert q_biased[1].tolist() == q[1].tolist()


def test_ids_among_the_context_and_columns_of_the_target_are_named_as_not_used() -> None:
    log, target = World(seed=4).draw(600, 0)
    found = estimate(rounds_of(log.assign(visit="v" + log["round_id"]), target.assign(place=1.0)))
    assert found.notes == (
        "columns of the target that are not used: place",
        "visit is no feature: more than 255 different words",
    )


def test_context_may_be_of_any_kind_and_have_gaps(tmp_path: Path) -> None:
    log, target = World(seed=2).draw(300, 0)
    odd = np.arange(300) % 2 == 1
    log = log.assign(
        when=pd.date_range("2026-01-01", periods=300, freq="h", tz="UTC").where(odd),
        word=pd.Categorical(["a" if each else None for each in odd]),
        flag=odd,
        far=np.where(odd, np.inf, 1.0),
        nothing=None,
        both=[[1.0, 2.0]] * 300,
    )
    log.to_parquet(tmp_path / "log.parquet")
    target.to_parquet(tmp_path / "target.parquet")
    found = estimate(read_rounds(tmp_path / "log.parquet", tmp_path / "target.parquet"))
    assert found.notes == ()
    assert np.isfinite(found.estimates["DR"].value.value)


def test_the_log_s_own_policy_is_worth_what_the_log_earned() -> None:
    world = World(seed=5)
    object.__setattr__(world, "target", world.logging)
    found = estimate(world.rounds(800, 0))
    assert found.estimates["IPS"].value == found.logged
    assert found.estimates["IPS"].difference.high == 0.0
    assert found.estimates["DR"].value.value == pytest.approx(found.logged.value, abs=0.01)
    assert found.support.weight.value == 1.0
    assert found.support.effective_share == 1.0


def test_what_a_person_repeats_is_not_independent() -> None:
    log, target = World(seed=2).draw(300, 0)
    again = pd.concat([log, log.assign(round_id="again " + log["round_id"])])
    wanted = pd.concat([target, target.assign(round_id="again " + target["round_id"])])
    once, twice = estimate(rounds_of(log, target)), estimate(rounds_of(again, wanted))
    apart = estimate(rounds_of(again.drop(columns="user_id"), wanted))
    for name in ("IPS", "SNIPS"):
        first, second, third = (each.estimates[name].value for each in (once, twice, apart))
        assert vars(second) == pytest.approx(vars(first))
        assert (second.high - second.low) / (third.high - third.low) > 1.41  # and more is known of the scatter
    assert (twice.clustered_by, twice.clusters, apart.clustered_by, apart.clusters) == ("user_id", 300, "round_id", 600)


def test_one_round_has_a_value_and_no_interval() -> None:
    log, target = tables()
    found = estimate(rounds_of(log[:2], target[:2]))
    assert found.estimates["DR"].value.value == found.estimates["IPS"].value.value == pytest.approx(0.75)
    assert np.isnan(found.estimates["DR"].value.low)


def test_simulated_slates_to_people_who_come_back() -> None:
    found = coverage(World(seed=0, places=2, people=75), logs=8, rounds=300)
    assert found["DR"]["coverage"] >= 6 / 8
    assert found["DR"]["median_width"] < found["IPS"]["median_width"]
    assert abs(found["DR"]["bias"]) < 0.05


def test_a_matrix_of_models_gives_what_the_tables_give() -> None:
    rounds = World(seed=6).rounds(500, 0)
    items = int(rounds.candidate.max()) + 1
    target = np.zeros((500, items))
    target[rounds.place, rounds.candidate] = rounds.chance
    sample = Sample.of_matrices(rounds.reward, rounds.propensity, rounds.item, target, np.ones((500, items)))
    assert sample.probability.tolist() == rounds.probability.tolist()
    assert sample.expected == pytest.approx(np.ones(500))
