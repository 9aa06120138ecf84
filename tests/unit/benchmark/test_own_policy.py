"""What a release's draw is said to earn is what it does earn, in a made-up town of thirty gems whose truth is known."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from hidden_gems.benchmark import own_policy
from hidden_gems.benchmark.funnel import weighed
from hidden_gems.benchmark.loop_release import TrialRelease
from hidden_gems.benchmark.opened import Opened
from hidden_gems.benchmark.own_policy import estimated, in_short, logged_slates, own_estimate, target_of
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.dataset import About, Dataset
from hidden_gems.evaluation.gates import canary_refused
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.state import OnlineState
from hidden_gems.online.thompson import BetaThompson
from hidden_gems.recommend.answering import Ranker, choose
from tests.worlds import COUNT, NOW, person, rows, tables

AUTHENTICITY = FEATURE_NAMES.index("authenticity")
IDS = np.array([f"g{n}" for n in range(1, COUNT + 1)])
CLICK = 0.03 + 0.6 * (np.arange(1, COUNT + 1) / COUNT) ** 2
"""Probability of a click, the higher the more authentic a gem is; known to the town, not to the release."""
PEOPLE, SLATES, PLACES = 40, 140, 5


@dataclass(frozen=True)
class Town:
    """A log of a uniform draw, and a release that has not seen it."""

    opened: Opened
    log: pd.DataFrame  # impressions

    def ranked(self, ranker: Ranker) -> Opened:
        return replace(self.opened, release=replace(self.opened.release, ranker=ranker))

    def with_log(self, **columns: object) -> Opened:
        return replace(self.opened, dataset=replace(self.opened.dataset, impressions=self.log.assign(**columns)))


def authentic(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.nan_to_num(vectors[:, AUTHENTICITY], nan=1.0))  # nobody described the last one


def upside_down(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return -authentic(vectors)


def town(seed: int = 0) -> Town:
    random = np.random.default_rng(seed)
    shown, told = [], []
    for number in range(SLATES):
        at = NOW + 600 * (number + 1)
        gems = random.permutation(COUNT)[:PLACES]
        slate = {"slate_id": f"s{number}", "user_id": f"u{number % PEOPLE}", "timestamp": at}
        for position, gem in enumerate(gems):
            place = slate | {"item_id": IDS[gem], "position": position, "propensity": 1.0 / (COUNT - position)}
            shown.append(place | {"policy": "uniform"})
            if random.random() < CLICK[gem]:
                told.append(place | {"timestamp": at + 5, "event_type": "click"})
    told.append(told[-1] | {"slate_id": None, "timestamp": NOW + 9 * DAY_SECONDS, "event_type": "visit"})
    empty = {"weather": None, "temperature_c": np.nan, "mood": None, "lat": np.nan, "lon": np.nan}
    events = pd.DataFrame(told).assign(value=np.nan, reward=0.3, **empty)
    about = About("made up", "Europe/Istanbul", "made-up", simulated=True)
    users = pd.DataFrame({"user_id": [f"u{n}" for n in range(PEOPLE)]})
    dataset = Dataset(events, pd.DataFrame({"item_id": IDS}), users, pd.DataFrame(shown).assign(**empty), about)
    known = person(*IDS[::3])  # ten likes: the models speak for them
    people = {f"u{n}": known.row for n in range(PEOPLE)}
    prior = lambda: OnlineState(0, BetaThompson(), OnlineFactors())  # noqa: E731
    release = TrialRelease("r1", about, tables(), None, authentic, prior, {}, people, {}, NOW)
    world = replace(release.world(still=False), rows=rows())
    return Town(
        Opened(release, LambdaMART.constant(FEATURE_NAMES), dataset, release.store(), world), dataset.impressions
    )


@pytest.fixture(scope="module")
def made() -> Town:
    return town()


@pytest.fixture(scope="module", params=[1.0, -1.0], ids=["as learned", "upside down"])
def judged(request: pytest.FixtureRequest, made: Town) -> tuple[float, dict[str, Any], float]:
    """Which way round the ranker is, what is said of its policy, and what is true of it."""
    opened = made.ranked(authentic if request.param > 0 else upside_down)
    log = logged_slates(opened, SLATES)
    target = target_of(opened, log)
    found = in_short(estimated(log, target), log)
    click = CLICK[target["item_id"].str[1:].astype(int) - 1]
    return request.param, found, float((target["probability"] * click).sum() / (SLATES * PLACES))


def test_the_intervals_hold_what_the_policy_earns(judged: tuple[float, dict[str, Any], float]) -> None:
    sign, found, truth = judged
    assert (truth > CLICK.mean()) == (sign > 0)
    assert found["low"] <= truth <= found["high"]
    assert found["snips"]["low"] <= truth <= found["snips"]["high"]
    assert found["logged_low"] <= CLICK.mean() <= found["logged_high"]
    assert (found["slates"], found["people"], found["logged_policies"]) == (SLATES, PEOPLE, ["uniform"])


def test_a_good_release_may_be_a_canary_and_the_same_upside_down_is_surely_worse(
    judged: tuple[float, dict[str, Any], float],
) -> None:
    sign, found, _ = judged
    refused = canary_refused(found, without_estimate=True)
    assert (refused is None) is (sign > 0)
    assert refused is None or "surely worse" in refused


def test_the_target_is_the_draw_that_serves(made: Town) -> None:
    """Shares of many drawn first and second places, under the rules, against what is computed."""
    opened = made.opened
    log = logged_slates(opened, SLATES)
    one = log[log["round_id"] == "s3"]
    request = own_policy._request(opened, one)
    answer = weighed(opened.release, opened.world, opened.person("u3"), request)
    random = np.random.default_rng(0)
    drawn = [choose(opened.world, request, answer.found, answer.utilities, answer.features, random) for _ in range(800)]
    first = [answer.found.item_ids[each.places[0]] for each in drawn]
    likeliest = pd.Series(first).mode()[0]
    after = [answer.found.item_ids[each.places[1]] for each, top in zip(drawn, first, strict=True) if top == likeliest]
    others = one[one["item_id"] != likeliest]
    items = [likeliest, *others["item_id"].head(PLACES - 1)]
    target = target_of(opened, one.assign(item_id=items))
    for position, names in ((0, first), (1, after)):
        said = target[target["position"] == position].set_index("item_id")["probability"]
        seen = pd.Series(names).value_counts(normalize=True)
        both = pd.concat([said, seen], axis=1).fillna(0.0).to_numpy()
        assert said.sum() == pytest.approx(1.0)
        assert np.abs(both[:, 0] - both[:, 1]).max() < 4.5 * np.sqrt(0.25 / len(names))


def test_an_item_that_is_no_candidate_has_no_probability_and_its_share_is_told(made: Town) -> None:
    rare = made.log["item_id"].where(made.log["position"] != 0, "g99")
    found, _ = own_estimate(replace(made.with_log(item_id=rare), release=made.ranked(upside_down).release))
    assert found["never_wanted"] >= 1.0 / PLACES


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"propensity": np.nan}, "no slate of the log has propensities"),
        ({"propensity": 1.0}, "the log drew nothing"),
        ({"policy": "trending"}, "no slate of the log has propensities"),
        ({"timestamp": NOW - 1}, "no slate was logged in the week after"),
        ({"user_id": "u1"}, "the log hardly shows what the release would: .* of 1 people"),
    ],
)
def test_where_there_can_be_none_it_is_said_why(made: Town, columns: dict[str, object], why: str) -> None:
    found, report = own_estimate(made.with_log(**columns))
    assert report is None
    assert list(found) == ["why_none"]
    with pytest.raises(BadInputError, match=why):
        raise BadInputError(found["why_none"])


def test_what_nobody_quotes_and_an_order_have_none(made: Town) -> None:
    dataset = made.opened.dataset
    silent = replace(dataset, interactions=dataset.interactions.assign(slate_id=None))
    assert own_estimate(replace(made.opened, dataset=silent))[0] == {
        "why_none": "no interaction says which slate it answers"
    }
    order = replace(dataset, about=replace(dataset.about, order_only=True))
    assert "only an order" in own_estimate(replace(made.opened, dataset=order))[0]["why_none"]


def test_a_slate_with_a_place_without_propensity_is_left_out_and_the_choice_has_a_seed(made: Town) -> None:
    torn = made.log["propensity"].where((made.log["slate_id"] != "s7") | (made.log["position"] != 2))
    log = logged_slates(made.with_log(propensity=torn), SLATES)
    assert log["round_id"].nunique() == SLATES - 1
    assert "s7" not in set(log["round_id"])
    one, same, other = (logged_slates(made.opened, 50, seed) for seed in (1, 1, 2))
    assert one.equals(same)
    assert set(one["round_id"]) != set(other["round_id"])
    assert set(one["reward"]) == {0.0, 1.0}
