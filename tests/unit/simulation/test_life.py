"""What moves the city: satisfaction, memory, weather, crowds, drift."""

from dataclasses import replace

import numpy as np
import pytest

from hidden_gems.datasets.contract import WEATHERS
from hidden_gems.simulation.city import City
from hidden_gems.simulation.context import NOWHERE
from hidden_gems.simulation.parameters import PARAMETERS, DriftParameters, Parameters
from hidden_gems.simulation.state import State
from hidden_gems.simulation.weather import draw_weather

NOON = 1_772_312_400 + 12 * 3600


def _drifting(**knobs: object) -> Parameters:
    return replace(PARAMETERS, drift=DriftParameters(**knobs))  # type: ignore[arg-type]


def _slates_of_a_week(satisfaction: float) -> tuple[int, float]:
    keep = replace(PARAMETERS, sessions=replace(PARAMETERS.sessions, satisfaction_keep=1.0))
    city = City(keep, seed=4, people=300, days=7)
    city.state.satisfaction[:] = satisfaction
    for _ in range(7):
        city.step()
    return city.slates, float(city.state.active.mean())


def test_satisfied_people_come_back() -> None:
    (few, stayed), (many, stayed_happy) = _slates_of_a_week(0.1), _slates_of_a_week(0.9)
    assert many > 1.4 * few
    assert stayed_happy > stayed + 0.1


def test_good_slates_satisfy() -> None:
    city = City(seed=4, people=300, days=2)
    log = city.step()
    brought = np.zeros(300)
    for chunk in log.impressions:
        np.add.at(brought, chunk["user"], chunk["clicked"])
    asked = np.unique(np.concatenate([chunk["user"] for chunk in log.impressions]))
    satisfaction = city.state.satisfaction
    assert (satisfaction[np.setdiff1d(np.arange(300), asked)] == 0.5).all()
    nothing, something = (satisfaction[asked[brought[asked] == 0]], satisfaction[asked[brought[asked] > 1]])
    assert nothing.max() <= 0.5 * PARAMETERS.sessions.satisfaction_keep + 0.05  # a scroll is worth a little
    assert something.mean() > nothing.mean() + 0.1


def test_the_end_of_a_day_fades_memories() -> None:
    city = City(seed=0, people=10, days=1)
    state = city.state
    state.fatigue[:] = 1.0
    state.known[:] = 2.0
    state.load[:] = 4.0
    state.today[:] = 3.0
    state.last_item[:] = 7
    state.done[:] = 1.0
    state.used_today[:] = True
    state.end_day(PARAMETERS, np.random.default_rng(0))
    assert state.fatigue == pytest.approx(PARAMETERS.pull.fatigue_keep)
    assert state.known == pytest.approx(2 * PARAMETERS.pull.familiar_keep)
    assert state.load == pytest.approx(4 * 0.5**0.5)
    assert (state.popularity == 3.0).all()
    assert (state.today == 0.0).all()
    assert (state.last_item == NOWHERE).all()
    assert (state.done == 0.0).all()
    assert not state.used_today.any()


def test_lapse_and_return_have_their_rates() -> None:
    city = City(seed=0, people=20_000, days=1, places=City(seed=0, people=1, days=1).gems.places.iloc[:30])
    state: State = city.state
    state.used_today[:10_000] = True
    state.active[15_000:] = False
    state.end_day(PARAMETERS, np.random.default_rng(0))
    lapse = 1 / (1 + np.exp(-PARAMETERS.sessions.lapse))
    assert 1 - state.active[:10_000].mean() == pytest.approx(lapse, abs=0.007)
    assert state.active[10_000:15_000].all()
    assert state.active[15_000:].mean() == pytest.approx(PARAMETERS.sessions.come_back, abs=0.007)


def test_crowd_is_full_at_capacity() -> None:
    city = City(seed=0, people=3, days=1)
    for _ in range(60):
        city.state.load += city.gems.capacity
        full = city.state.crowd(city.gems, 2.0)
        city.state.load *= 0.5**0.5
    assert full == pytest.approx(1.0, abs=1e-4)
    assert city.gems.capacity.max() <= PARAMETERS.gems.capacity_visits
    assert city.gems.capacity[city.gems.hidden == 1.0] == pytest.approx(0.2 * PARAMETERS.gems.capacity_visits)


def test_visits_are_remembered() -> None:
    city = City(seed=0, people=3, days=1)
    city.state.visit(np.array([1, 1, 2]), np.array([5, 5, 6]), np.array([0, 0, 3]))
    assert city.state.known[1, 5] == 2.0
    assert city.state.done[1, 0] == 2.0
    assert city.state.done[2, 3] == 1.0
    assert city.state.load[5] == 2.0
    assert city.state.known.sum() == 3.0


def test_favourites_swap_on_their_day_for_their_share() -> None:
    plain = City(seed=8, people=300, days=10)
    swapped = City(_drifting(swap_day=5, swap_share=0.5), seed=8, people=300, days=10)
    users = np.arange(300)
    before, after = (
        swapped.appeal(users, swapped.context(users, np.full(300, NOON + day * 86_400))).liking
        - plain.appeal(users, plain.context(users, np.full(300, NOON + day * 86_400))).liking
        for day in (4, 5)
    )
    changed = np.abs(after).max(axis=1) > 0.1
    assert np.abs(before).max() < 1e-5
    assert 0.4 < changed.mean() < 0.6
    kinds, types = swapped.gems.type, plain.people.types
    for user in np.flatnonzero(changed)[:20]:
        order = np.argsort(types[user], kind="stable")
        best, worst = order[-1], order[0]
        gap = PARAMETERS.taste.type_std * (types[user, best] - types[user, worst])
        assert after[user, kinds == worst] == pytest.approx(gap, abs=1e-3)
        assert after[user, kinds == best] == pytest.approx(-gap, abs=1e-3)
        assert after[user, kinds == order[9]] == pytest.approx(0.0, abs=1e-3)


def test_quality_drifts_as_a_random_walk() -> None:
    users = np.arange(20)
    plain = City(seed=8, people=20, days=30)
    drifting = City(_drifting(quality_std_per_day=0.1), seed=8, people=20, days=30)
    spread = []
    for day in (0, 29):
        moments = np.full(20, NOON + day * 86_400)
        change = drifting.appeal(users, drifting.context(users, moments)).liking
        change = change - plain.appeal(users, plain.context(users, moments)).liking
        assert np.abs(change - change[0]).max() < 1e-4
        spread.append(change[0].std())
    assert spread[0] == pytest.approx(0.1, rel=0.15)
    assert spread[1] == pytest.approx(0.1 * np.sqrt(30), rel=0.15)


def test_a_weather_shock_lasts_its_days() -> None:
    city = City(_drifting(shock_first_day=2, shock_days=3, shock_weather="snow"), seed=1, people=5, days=10)
    snow = (city.weather.sky == WEATHERS.index("snow")).all(axis=1)
    assert np.flatnonzero(snow).tolist() == [2, 3, 4]


def test_weather_of_a_year_is_that_of_istanbul() -> None:
    start = 1_735_678_800  # 2025-01-01 local
    years = [draw_weather(PARAMETERS.weather, PARAMETERS.drift, start, 365, np.random.default_rng(s)) for s in range(8)]
    temperature = np.mean([year.temperature_c.mean(axis=1) for year in years], axis=0)
    sky = np.stack([year.sky for year in years])
    assert temperature[:31].mean() == pytest.approx(6.0, abs=2.0)
    assert temperature[196:227].mean() == pytest.approx(24.5, abs=2.0)
    wet = np.isin(sky, [WEATHERS.index(name) for name in ("rain", "storm", "snow")])
    assert wet[:, :31].mean() == pytest.approx(0.32, abs=0.06)
    assert wet[:, 181:212].mean() == pytest.approx(0.07, abs=0.05)
    snow = sky == WEATHERS.index("snow")
    assert snow[:, :59].any()
    assert not snow[:, 120:300].any()
    flat = sky.reshape(8, -1)
    assert (flat[:, 1:] == flat[:, :-1]).mean() > PARAMETERS.weather.slot_keep


def test_noon_is_warmer_than_morning() -> None:
    weather = City(seed=0, people=2, days=60).weather
    assert (weather.temperature_c[:, 2] - weather.temperature_c[:, 0]).mean() > 4.0


def test_slots_of_the_day() -> None:
    city = City(seed=0, people=2, days=3)
    at = city.start + np.array([7, 9.99, 10, 23.5, 25, 30.9, 31]) * 3600
    day, slot = city.slot_of(at.astype(np.int64))
    assert day.tolist() == [0, 0, 0, 0, 0, 0, 1]
    assert slot.tolist() == [0, 0, 1, 5, 5, 5, 0]
    assert city.weather_words(at.astype(np.int64)) == [
        WEATHERS[city.weather.sky[d, s]] for d, s in zip(day, slot, strict=True)
    ]


def test_people_are_who_the_parameters_say() -> None:
    people = City(seed=0, people=4000, days=60).people
    of = PARAMETERS.people
    assert people.is_local.mean() == pytest.approx(of.local_share, abs=0.03)
    assert (people.language[people.is_local] == "tr").mean() == pytest.approx(of.turkish_local, abs=0.03)
    assert (people.language[~people.is_local] == "en").mean() == pytest.approx(of.english_visitor, abs=0.04)
    assert (people.language[~people.is_local] == "tr").mean() == pytest.approx(of.turkish_visitor, abs=0.04)
    assert people.consent.mean() == pytest.approx(of.consent, abs=0.01)
    stay = (people.last_day - people.first_day + 1)[~people.is_local & (people.first_day > 0)]
    assert stay.mean() == pytest.approx(of.stay_days, abs=0.5)
    assert stay.min() == 2
    local_first = people.first_day[people.is_local]
    assert (local_first == 0).mean() == pytest.approx(of.local_since_start, abs=0.03)
    assert people.guide_per_day[~people.is_local].mean() > 2 * np.median(people.guide_per_day[people.is_local])
    assert np.unique(people.archetype).size == of.archetypes


def test_taste_is_shared_within_groups_and_known_attributes_tell_the_group() -> None:
    people = City(seed=0, people=4000, days=60).people
    total = people.types.var(axis=0).mean()
    within = np.mean([people.types[people.archetype == g].var(axis=0).mean() for g in range(8)])
    assert within / total == pytest.approx(1 - PARAMETERS.people.archetype_share, abs=0.12)
    share = [np.bincount(people.archetype[people.is_local == side], minlength=8) / 4000 for side in (True, False)]
    assert np.abs(share[0] / share[0].sum() - share[1] / share[1].sum()).sum() > 0.2
