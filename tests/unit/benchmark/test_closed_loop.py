"""The funnel as a policy of the city: what it shows, what it hears, and what bots can and cannot do."""

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hidden_gems.benchmark.arrivals import WINDOW, Arrivals, median_needed, needed, ratio
from hidden_gems.benchmark.bots import FORGED_CLICKS, PRAISE, Bots
from hidden_gems.benchmark.closed_loop import ARMS, Guide
from hidden_gems.benchmark.greedy import EpsilonGreedy
from hidden_gems.benchmark.loop_figures import daily, exposure_ratio, lift, rates, targeted, with_returns
from hidden_gems.benchmark.loop_release import TrialRelease
from hidden_gems.datasets.dataset import About
from hidden_gems.datasets.interactions import Interactions
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.models.item_knn import ItemKNN
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.state import OnlineState
from hidden_gems.online.thompson import BetaThompson
from hidden_gems.recommend.candidates import CandidateGenerator
from hidden_gems.recommend.tables import ReleaseTables
from hidden_gems.simulation.city import City
from hidden_gems.simulation.log import DayLog
from hidden_gems.simulation.policy import Popular, Request

PEOPLE, DAYS = 30, 1
IDS = [f"p{number}" for number in range(PEOPLE)]


@pytest.fixture(scope="module")
def city() -> City:
    return City(seed=4, people=PEOPLE, days=DAYS)


@pytest.fixture(scope="module")
def release(city: City) -> TrialRelease:
    """Neighbours of a made-up log; the ranker is the popularity of a gem's row."""
    random, count = np.random.default_rng(0), len(city.gems)
    item = random.integers(1, count + 1, 400)
    user = np.repeat(np.arange(1, 41), 10)
    log = Interactions(user, item, city.start - 1_000 + np.arange(400), np.ones(400, np.float32), 41, count + 1)
    knn = ItemKNN(shrinkage=1.0).refit(log)
    places = city.gems.places
    place = np.vstack([[np.nan, np.nan], places[["lat", "lon"]].to_numpy(np.float64)])
    generator = CandidateGenerator().fit(log, place, np.full(count + 1, city.start - 10_000.0)).without_people()
    columns = {str(name): places[name].tolist() for name in places.columns}
    ctr = FEATURE_NAMES.index("popularity")
    return TrialRelease(
        version="trial",
        about=About("made up", "Europe/Istanbul", "made-up", simulated=True),
        tables=ReleaseTables(columns, knn.rows, knn.weights, knn.prior, generator),
        deep=None,
        ranker=lambda x: np.nan_to_num(x[:, ctr]),
        prior=lambda: OnlineState(0, BetaThompson(), OnlineFactors()),
        embeddings={},
        users={},
        items={},
        at=city.start,
    )


def guide(city: City, release: TrialRelease, folder: Path, arm: str = "online", bots: Bots | None = None) -> Guide:
    return Guide(copy.deepcopy(city), release, ARMS[arm], IDS, folder, None, bots)


def lived(policy: Guide) -> list[DayLog]:
    return [policy.live() for _ in range(DAYS)]


def column(logs: list[DayLog], name: str) -> np.ndarray:  # type: ignore[type-arg]
    return np.concatenate([chunk[name] for log in logs for chunk in log.impressions])


def test_what_people_are_shown_and_say_moves_the_learner(city: City, release: TrialRelease, tmp_path: Path) -> None:
    policy = guide(city, release, tmp_path / "j")
    logs = lived(policy)
    learner = policy.learner
    assert learner is not None
    learner.learn(float(city.end + 8 * 86_400))
    told = [chunk for log in logs for chunk in log.events]
    answers = sum(int((chunk["slate"] >= 0).sum()) for chunk in told)
    assert learner.outcomes["slate"] == len(np.unique(column(logs, "slate"))) > 5
    assert answers == sum(learner.outcomes[name] for name in ("applied", "unsigned", "capped")) > 0
    shown = learner.learning.state.arms.arrays()["learned"][1:, 1].sum()
    assert shown == len(column(logs, "item"))
    assert policy.world.online is learner.learning.state


def test_a_static_release_stays_as_it_was(city: City, release: TrialRelease, tmp_path: Path) -> None:
    policy = guide(city, release, tmp_path / "j", "static")
    before = policy.world
    lived(policy)
    assert policy.learner is None
    assert policy.world is before
    late, early = (before.rows.columns(release.tables.index.ids[1:], at) for at in (city.end, city.start))
    assert all(np.array_equal(late[name], early[name], equal_nan=True) for name in early)


def test_the_day_is_that_of_the_city(city: City, release: TrialRelease, tmp_path: Path) -> None:
    """The same draws as `City.step` with the same policy makes, where nothing is learned."""
    one, other = guide(city, release, tmp_path / "a", "static"), guide(city, release, tmp_path / "b", "static")
    stepped = [other.city.step(other) for _ in range(DAYS)]
    own = lived(one)
    for name in ("user", "item", "position", "propensity", "clicked", "timestamp"):
        assert np.array_equal(column(own, name), column(stepped, name))
    assert (one.city.day, one.city.clock.now()) == (other.city.day, other.city.clock.now())


def test_forged_clicks_change_nothing(city: City, release: TrialRelease, tmp_path: Path) -> None:
    gem = release.tables.index.ids[7]
    clean = guide(city, release, tmp_path / "a")
    attacked = guide(city, release, tmp_path / "b", bots=Bots(["bot"], gem, 0, seed=1))
    one, other = lived(clean), lived(attacked)
    assert np.array_equal(column(one, "item"), column(other, "item"))
    assert clean.learner is not None
    assert attacked.learner is not None
    forged = attacked.learner.outcomes["unsigned"] - clean.learner.outcomes["unsigned"]
    assert forged == DAYS * FORGED_CLICKS
    assert attacked.learner.digest() == clean.learner.digest()


def test_bots_with_real_impressions_are_taken_back(city: City, release: TrialRelease, tmp_path: Path) -> None:
    gem = city.gems.places["item_id"].tolist()[int(np.argmax(city.gems.open.mean(axis=(0, 2))))]
    bots = Bots(["bot-1", "bot-2"], gem, 3, seed=1, praise=PRAISE, choosy=True)
    attacked = guide(city, release, tmp_path / "j", bots=bots)
    lived(attacked)
    learner = attacked.learner
    assert learner is not None
    learner.learn(float(city.end))
    assert bots.shown["slates"] > 2
    praise = sum(each.event.user_id in bots.names for learned in learner.counted for each in learned.admitted)
    assert 0 < praise <= bots.shown["target"] * len(PRAISE)
    never = learner.never_had(release, set(bots.names), tmp_path / "never")
    replayed = learner.learning.history.replay(without=bots.names)
    assert replayed.digest == never.digest() != learner.digest()


def frame(arm: str, clicks: list[int], seed: int = 0) -> pd.DataFrame:
    """Ten impressions for each of some people."""
    people = np.arange(len(clicks))
    return pd.DataFrame(
        {"arm": arm, "seed": seed, "person": people, "impressions": 10.0, "clicks": clicks, "slates": 1.0,
         "reward": 0.0, "visits": 0.0}
    )  # fmt: skip


def test_a_lift_is_a_share_with_intervals_over_cities_and_people() -> None:
    parts = [frame("online", [4, 2, 3, 3], seed) for seed in (0, 1)] + [frame("static", [2, 2, 2, 2], 0)]
    found = lift(pd.concat([*parts, frame("static", [3, 1, 3, 3], 1)]), "online", "static")
    assert found.by_seed == pytest.approx((0.5, 0.2))
    assert (found.seeds.value, found.seeds.users) == (pytest.approx(0.35), 2)
    assert found.people.value == pytest.approx(24 / 18 - 1)
    assert found.people.low < found.people.value < found.people.high


def test_exposure_is_compared_per_impression() -> None:
    table = pd.DataFrame(
        {"seed": 0, "run": ["clean"] * 2 + ["real"] * 2, "person": [0, 1] * 2, "targeted": [1.0, 1.0, 2.0, 4.0],
         "impressions": [100.0, 100.0, 150.0, 150.0]}
    )  # fmt: skip
    assert exposure_ratio(table, "real").value == pytest.approx(2.0)


def test_a_day_adds_up(city: City) -> None:
    log = copy.deepcopy(city).step()
    table = daily(log, 3)
    clicks, impressions = log.clicks()
    assert (table["clicks"].sum(), table["impressions"].sum(), set(table["day"])) == (clicks, impressions, {3})
    assert rates(with_returns(table), ["day"])["ctr"].item() == pytest.approx(clicks / impressions)
    [item, *_] = column([log], "item").tolist()
    found = targeted(log, item)
    assert found["targeted"].sum() == (column([log], "item") == item).sum() > 0
    assert found["impressions"].sum() == impressions


def test_who_asks_in_the_thirty_days_after_has_returned() -> None:
    days = {"back": (0, 31), "gone": (3, 29), "late": (30, 59), "long": (29, 30, 59)}
    rows = [(person, day) for person, when in days.items() for day in when]
    table = pd.DataFrame(rows, columns=["person", "day"])
    found = with_returns(table).groupby("person")[["asked", "returned"]].sum()
    expected = {"back": (1, 1), "gone": (1, 0), "late": (0, 0), "long": (1, 1)}
    assert {person: (row.asked, row.returned) for person, row in found.iterrows()} == expected
    assert with_returns(table[table["day"] < 59])["asked"].sum() == 0  # too short a run to say


def noted(gem: int, impressions: list[int], believed: list[float], true: float) -> pd.DataFrame:
    """`WINDOW` requests for each figure."""
    columns = {"seed": 0, "gem": gem, "impressions": np.repeat(impressions, WINDOW), "true": true}
    return pd.DataFrame(columns | {"believed": np.repeat(believed, WINDOW)})


def test_a_gem_has_arrived_when_it_stays_where_it_belongs() -> None:
    lucky = noted(1, [0, 10, 20, 30], [0.8, 0.3, 0.73, 0.8], true=0.8)
    lost = noted(2, [0, 10, 25], [0.2, 0.2, 0.9], true=0.9)
    once = noted(3, [0], [0.9], true=0.9)
    table = needed(pd.concat([lucky, lost, once]))
    assert table.to_dict("records") == [
        {"seed": 0, "gem": 1, "impressions": 20.0, "arrived": True},
        {"seed": 0, "gem": 2, "impressions": 25.0, "arrived": False},
    ]


def test_gems_that_never_arrive_are_not_cheap() -> None:
    def table(*impressions: float, arrived: str) -> pd.DataFrame:
        flags = [each == "y" for each in arrived]
        return pd.DataFrame({"seed": 0, "gem": range(len(flags)), "impressions": impressions, "arrived": flags})

    shown = table(10, 20, 30, 40, arrived="yyyy")
    hidden = table(1, 2, 30, 40, arrived="nnyn")
    assert median_needed(shown) == 20.0
    assert median_needed(hidden) == 30.0  # of the two that were shown so often, one has arrived
    assert median_needed(table(1, 2, arrived="nn")) == np.inf
    found = ratio(shown, hidden)
    assert found.value == pytest.approx(21 / 31)
    assert found.users == 4


def test_ranks_are_shares_of_the_gems_that_were_weighed() -> None:
    watch = Arrivals(np.array([3, 5]), np.zeros(8, dtype=np.int64))
    gems, values = np.array([1, 3, 5]), np.array([0.2, 0.2, 0.9])
    watch.note(gems, values, values[::-1].copy(), shown=np.array([5, 1]))
    watch.note(np.array([1, 5]), np.array([1.0, 0.0]), np.array([0.0, 1.0]), shown=np.array([], dtype=np.int64))
    assert watch.table().values.tolist() == [[3, 0, 0.25, 0.25], [5, 0, 1.0, 0.25], [5, 1, 0.0, 1.0]]


def test_epsilon_greedy_shows_what_earned_most_and_explores_a_tenth(city: City) -> None:
    city = copy.deepcopy(city)
    gems = len(city.gems)
    shown, reward = np.full(gems, 10), np.zeros(gems)
    reward[5] = 9.0
    policy = EpsilonGreedy(city, shown, reward, Arrivals.of(city, city.start))
    logs = [policy.live() for _ in range(DAYS)]
    assert policy.shown.sum() == 10 * gems + len(column(logs, "item"))
    assert policy.reward.sum() > 9.0
    greedy = column(logs, "propensity") > 0.9
    assert 0.8 < greedy.mean() < 0.97
    assert (column(logs, "item")[greedy & (column(logs, "position") == 0)] == 5).any()


def test_popular_is_the_same_for_everybody(city: City) -> None:
    asked = Request(np.arange(2), city.context(np.arange(2), np.full(2, city.start)), np.ones((2, 4), dtype=bool),
                    np.array([3.0, 9.0, 1.0, 9.0]), 3)  # fmt: skip
    asked.eligible[1, 1] = False
    assert Popular()(asked, np.random.default_rng(0)).items.tolist() == [[1, 3, 0], [3, 0, 2]]
