"""The truth must be what the outcomes are drawn from."""

from dataclasses import replace

import numpy as np
import pytest

from hidden_gems.datasets.contract import MOODS, WEATHERS
from hidden_gems.simulation.city import City
from hidden_gems.simulation.context import Context
from hidden_gems.simulation.feedback import draw_feedback
from hidden_gems.simulation.gems import opening_by_month
from hidden_gems.simulation.parameters import PARAMETERS
from hidden_gems.simulation.truth import Truth

NOON = 1_772_312_400 + 9 * 86_400 + 12 * 3600  # Tuesday 10 March 2026, local noon
DRAWS = 40_000


@pytest.fixture(scope="module")
def city() -> City:
    return City(seed=5, people=80, days=20)


def _context(city: City, users: np.ndarray, **changes: object) -> Context:
    context = city.context(users, np.full(len(users), NOON), sky=np.zeros(len(users), np.int64))
    return replace(context, **changes)  # type: ignore[arg-type]


def test_mean_of_many_outcomes_is_the_expected_reward(city: City) -> None:
    users = np.array([3, 40, 71])
    context = _context(city, users)
    every = np.tile(np.arange(len(city.gems)), (3, 1))
    probability = city.truth.click_probability(users, every, context)
    best = np.argsort(-probability, axis=1)
    items = np.stack([best[:, 0], best[:, 3], best[:, 30]], axis=1)
    for column in range(3):
        one = items[:, [column]]
        expected = city.truth.expected_reward(users, one, context)[:, 0]
        outcomes = city.truth.outcomes(users, one, context)
        wide = type(outcomes)(**{name: np.repeat(value, DRAWS, axis=0) for name, value in outcomes.__dict__.items()})
        shown = np.ones((3 * DRAWS, 1), dtype=bool)
        feedback = draw_feedback(city.parameters.feedback, wide, shown, np.random.default_rng(column))
        for value, true in (
            (feedback.reward(), expected),
            (feedback.clicked, city.truth.click_probability(users, one, context)[:, 0]),
            (feedback.visited, city.truth.visit_probability(users, one, context)[:, 0]),
        ):
            sample = value.reshape(3, DRAWS).astype(float)
            error = sample.std(axis=1) / np.sqrt(DRAWS)
            assert (abs(sample.mean(axis=1) - true) < 3.5 * error + 1e-4).all()
    assert city.truth.expected_reward(users, items, context).max() > 0.3


def test_logged_outcomes_have_the_logged_truth(city: City) -> None:
    log = [City(seed=6, people=300, days=6).step()]
    shown = log[0].impressions
    click = np.concatenate([chunk["click_probability"] for chunk in shown])
    position = np.concatenate([chunk["position"] for chunk in shown])
    clicked = np.concatenate([chunk["clicked"] for chunk in shown])
    p = click * (1.0 + position) ** -PARAMETERS.feedback.examine_decay
    assert abs(clicked.sum() - p.sum()) < 3.5 * np.sqrt((p * (1 - p)).sum())


def test_truth_is_rebuilt_from_parameters_and_seed(city: City) -> None:
    again = City(seed=5, people=80, days=20)
    again.step()  # what has happened since does not matter to a fresh context
    users, items = np.arange(80), np.tile(np.arange(10), (80, 1))
    one = city.truth.expected_reward(users, items, _context(city, users))
    other = again.truth.expected_reward(users, items, _context(again, users))
    assert np.array_equal(one, other)
    different = City(seed=6, people=80, days=20)
    assert not np.allclose(one, different.truth.expected_reward(users, items, _context(different, users)))


def _mean(truth: Truth, city: City, context: Context, keep: np.ndarray) -> float:
    users = np.arange(80)
    items = np.tile(np.flatnonzero(keep), (80, 1))
    return float(truth.click_probability(users, items, context).mean())


@pytest.mark.parametrize("name", ["rain", "storm", "snow"])
def test_bad_weather_empties_outdoor_gems(city: City, name: str) -> None:
    users = np.arange(80)
    dry, wet = (_context(city, users, sky=np.full(80, WEATHERS.index(sky))) for sky in ("clear", name))
    outdoor, indoor = city.gems.outdoor == 1.0, city.gems.outdoor == 0.0
    assert _mean(city.truth, city, wet, outdoor) < 0.6 * _mean(city.truth, city, dry, outdoor)
    assert _mean(city.truth, city, wet, indoor) > _mean(city.truth, city, dry, indoor)


def test_wind_is_half_as_bad_as_rain(city: City) -> None:
    users = np.arange(80)
    liking = {
        sky: city.appeal(users, _context(city, users, sky=np.full(80, WEATHERS.index(sky)))).liking[:, 0]
        for sky in ("clear", "wind", "rain")
    }
    assert liking["wind"] - liking["clear"] == pytest.approx((liking["rain"] - liking["clear"]) / 2, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "value", "sign"),
    [("crowd", 1.0, -1), ("fatigue", 2.0, -1), ("known", 1.0, 1), ("travel_minutes", 90.0, -1)],
)
def test_state_of_the_city_moves_clicks(city: City, name: str, value: float, sign: int) -> None:
    users = np.arange(80)
    context = _context(city, users, travel_minutes=np.full((80, len(city.gems)), 10.0, np.float32))
    changed = replace(context, **{name: np.full_like(getattr(context, name), value)})
    every = np.ones(len(city.gems), dtype=bool)
    assert sign * (_mean(city.truth, city, changed, every) - _mean(city.truth, city, context, every)) > 0.001


def test_terms_of_appeal_have_their_size(city: City) -> None:
    users = np.arange(80)
    base = _context(city, users)
    pull = PARAMETERS.pull
    tired = city.appeal(users, replace(base, fatigue=base.fatigue + 1)).pull - city.appeal(users, base).pull
    assert tired == pytest.approx(-pull.fatigue, abs=1e-4)
    known = city.appeal(users, replace(base, known=base.known + 1)).pull - city.appeal(users, base).pull
    assert known == pytest.approx(pull.familiar * np.log(2), abs=1e-4)
    group = city.appeal.group
    done = base.done.copy()
    done[:, 2] = 1.0
    sated = city.appeal(users, replace(base, done=done)).pull - city.appeal(users, base).pull
    assert sated[:, group == 2] == pytest.approx(-pull.satiation, abs=1e-4)
    assert sated[:, group != 2] == pytest.approx(0.0, abs=1e-4)


def test_the_routine_calls_for_what_comes_next(city: City) -> None:
    users = np.arange(80)
    last = int(np.flatnonzero(city.appeal.group == 0)[0])
    base = _context(city, users)
    left = replace(base, last_item=np.full(80, last), minutes_since=np.zeros(80, np.float32))
    gain = city.appeal(users, left).pull - city.appeal(users, base).pull
    for user in range(5):
        routine = PARAMETERS.tables.routines[city.people.routine[user]]
        after = routine[(routine.index(0) + 1) % len(routine)]
        assert gain[user, city.appeal.group == after] == pytest.approx(PARAMETERS.pull.routine, abs=1e-4)
        assert gain[user, city.appeal.group != after] == pytest.approx(0.0, abs=1e-4)
    later = replace(left, minutes_since=np.full(80, PARAMETERS.pull.routine_minutes, np.float32))
    faded = city.appeal(users, later).pull - city.appeal(users, base).pull
    assert faded.max() == pytest.approx(PARAMETERS.pull.routine / np.e, abs=1e-4)


def test_mood_asks_for_its_types(city: City) -> None:
    users = np.arange(80)
    calm, social = (_context(city, users, mood=np.full(80, MOODS.index(name))) for name in ("calm", "social"))
    gain = city.appeal(users, social).liking - city.appeal(users, calm).liking
    kinds = city.gems.places["type"].to_numpy()
    assert gain[:, kinds == "bar"] == pytest.approx(PARAMETERS.context.mood, abs=1e-4)
    assert gain[:, kinds == "garden"] == pytest.approx(-PARAMETERS.context.mood, abs=1e-4)
    assert gain[:, kinds == "museum"] == pytest.approx(0.0, abs=1e-4)


def test_nobody_visits_what_is_closed_on_arrival(city: City) -> None:
    users = np.arange(80)
    night = replace(_context(city, users), timestamp=np.full(80, NOON - 9 * 3600))  # 03:00
    every = np.tile(np.arange(len(city.gems)), (80, 1))
    opens = city.truth.open_on_arrival(night)
    visit = city.truth.visit_probability(users, every, night)
    assert (visit[~opens] == 0).all()
    assert (visit[opens] > 0).all()
    hours = city.gems.places["opening_hours"].to_numpy()
    assert opens[:, hours == "24/7"][:, ~city.gems.new[hours == "24/7"]].all()
    assert not opens[:, hours == "Mo-Su 09:00-18:00"].any()


def test_a_gem_that_has_not_opened_is_closed(city: City) -> None:
    new = int(np.flatnonzero(city.gems.new & city.gems.open.all(axis=(0, 2)))[0])
    opening = int(city.gems.created_at[new])
    users = np.array([0])
    for timestamp, opens in ((opening - 1, False), (opening, True)):
        context = city.context(users, np.array([timestamp]))
        assert city.truth.open_on_arrival(context)[0, new] == opens


def test_ferries_sleep_at_night(city: City) -> None:
    users = np.arange(80)
    day = city.context(users, np.full(80, NOON)).travel_minutes
    night = city.context(users, np.full(80, NOON - 9 * 3600)).travel_minutes
    assert set(np.unique((night - day).round(2))) == {0.0, 25.0}


def test_seasons_of_opening_hours() -> None:
    opening = opening_by_month(["Apr-Oct Mo-Su 12:00-23:00", "Tu-Su 09:00-17:00"], 2026)
    assert opening.shape == (12, 2, 168)
    assert opening[:, 0].any(axis=1).tolist() == [3 <= month <= 9 for month in range(12)]
    assert opening[5, 0, 24 + 12]
    assert not opening[5, 0, 24 + 11]
    assert (opening[:, 1].sum(axis=1) == 6 * 8).all()
