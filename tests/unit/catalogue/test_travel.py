import subprocess
import sys
import time

import numpy as np
import pytest
from scipy.sparse.csgraph import shortest_path

from hidden_gems.catalogue.crossings import crossings, local_minutes
from hidden_gems.catalogue.geography import distance_km, land_of, read_table
from hidden_gems.catalogue.places import load_neighborhoods, load_places
from hidden_gems.catalogue.travel import travel_minutes
from tests.slowness import slowness

EMINONU_PIER, KADIKOY_PIER = (41.0176, 28.9752), (40.9925, 29.0227)
BESIKTAS, USKUDAR = (41.0425, 29.0065), (41.0245, 29.0160)
KARAKOY, GALATA, MODA = (41.0232, 28.9770), (41.0256, 28.9741), (40.9825, 29.0255)
ISLANDS = {
    "Kınalıada": (40.9098, 29.0549),
    "Burgazada": (40.8810, 29.0695),
    "Heybeliada": (40.8763, 29.1015),
    "Büyükada": (40.8744, 29.1277),
}


def minutes(start: tuple[float, float], end: tuple[float, float]) -> float:
    return float(travel_minutes(*start, *end))


def places_of_the_map(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    places = load_places().sample(count, random_state=seed)
    return places["lat"].to_numpy(), places["lon"].to_numpy()


@pytest.mark.parametrize(
    ("km", "expected"),
    [
        (0.0, 0.0),
        (0.5, 8.0),  # on foot
        (0.8, 12.8),
        (1.0, 14.5),  # by bus or tram: 10 + 4.5
        (4.0, 28.0),
        (7.0, 41.5),
        (8.0, 44.4),  # by a fast line: 30 + 8 x 1.8
        (50.0, 120.0),
    ],
)
def test_minutes_on_one_shore(km: float, expected: float) -> None:
    assert local_minutes(np.array([km])) == pytest.approx(expected)


def test_the_ferry_from_eminonu_to_kadikoy_is_its_wait_and_its_ride() -> None:
    assert minutes(EMINONU_PIER, KADIKOY_PIER) == pytest.approx(8 + 20, abs=0.01)


def test_marmaray_is_its_wait_and_its_ride() -> None:
    assert minutes((41.0130, 28.9770), (41.0253, 29.0153)) == pytest.approx(6 + 5, abs=0.01)


def test_the_fastest_crossing_is_taken_with_the_ways_to_it_and_from_it() -> None:
    sirkeci, uskudar = (41.0130, 28.9770), (41.0253, 29.0153)
    north_of_sirkeci, east_of_uskudar = (41.0148, 28.9770), (41.0253, 29.0177)  # 0.2 km from each
    walks = 16 * float(distance_km(*sirkeci, *north_of_sirkeci) + distance_km(*uskudar, *east_of_uskudar))
    assert 6 < walks < 7
    assert minutes(north_of_sirkeci, east_of_uskudar) == pytest.approx(11 + walks, abs=0.02)


@pytest.mark.parametrize(
    ("start", "end", "least", "most"),
    [
        (KARAKOY, GALATA, 3, 10),
        (KARAKOY, MODA, 35, 60),
        (BESIKTAS, USKUDAR, 14, 30),
        ((41.0054, 28.9768), (41.0355, 29.0315), 30, 60),  # Sultanahmet to Kuzguncuk
        ((41.1665, 29.0550), KARAKOY, 45, 80),  # Sarıyer to Karaköy
        ((41.1235, 29.0722), (41.1342, 29.0914), 20, 40),  # Yeniköy to Beykoz, by boat
        ((41.0338, 28.9935), ISLANDS["Büyükada"], 80, 130),  # Kabataş to Büyükada
        ((40.9518, 29.0937), ISLANDS["Büyükada"], 40, 60),  # Bostancı to Büyükada
        (KADIKOY_PIER, (41.1760, 29.6080), 90, 150),  # Kadıköy to Şile
    ],
)
def test_known_ways_take_a_plausible_time(
    start: tuple[float, float], end: tuple[float, float], least: float, most: float
) -> None:
    assert least <= minutes(start, end) <= most


def test_the_ferry_is_far_faster_than_walking_over_the_bridge() -> None:
    bridge = (41.0456, 29.0343)
    on_foot = 16 * float(distance_km(*BESIKTAS, *bridge) + distance_km(*bridge, *USKUDAR))
    assert minutes(BESIKTAS, USKUDAR) < on_foot / 2


def test_the_bosphorus_separates_what_straight_kilometres_do_not() -> None:
    bebek, kandilli, etiler = (41.0768, 29.0444), (41.0747, 29.0567), (41.0810, 29.0330)
    assert distance_km(*bebek, *kandilli) < distance_km(*bebek, *etiler) * 1.1
    assert minutes(bebek, kandilli) > 1.8 * minutes(bebek, etiler)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Kınalıada", "Burgazada", 20 + 15),  # the lesser wait and the ride of one line
        ("Kınalıada", "Büyükada", 20 + 39),
        ("Heybeliada", "Büyükada", 20 + 12),
        ("Büyükada", "Heybeliada", 20 + 12),
    ],
)
def test_islands_are_reached_from_each_other_only_by_ferry(one: str, other: str, expected: float) -> None:
    assert minutes(ISLANDS[one], ISLANDS[other]) == pytest.approx(expected, abs=0.01)


def test_every_crossing_is_the_shortest_way_through_all_lines() -> None:
    table = read_table("crossings.json")
    lat, lon = (load_neighborhoods()[axis].to_numpy() for axis in ("lat", "lon"))
    count = len(lat)
    every_lat = np.append([stop["lat"] for stop in table["stops"]], lat)
    every_lon = np.append([stop["lon"] for stop in table["stops"]], lon)
    land = land_of(every_lat, every_lon)
    graph = local_minutes(distance_km(every_lat[:, None], every_lon[:, None], every_lat, every_lon))
    graph[land[:, None] != land] = np.inf
    row = {stop["name"]: i for i, stop in enumerate(table["stops"])}
    for line in table["lines"]:
        for i, (one, left) in enumerate(line["stops"]):
            for other, right in line["stops"][i + 1 :]:
                a, b = row[one], row[other]
                if land[a] != land[b]:
                    graph[a, b] = graph[b, a] = min(graph[a, b], line["wait"] + abs(right - left))
    expected = shortest_path(graph, method="D")[-count:, -count:]
    apart = land[-count:, None] != land[-count:]
    found = travel_minutes(lat[:, None], lon[:, None], lat, lon)
    longer = (found - expected)[apart]  # the oracle may also ride Marmaray along one shore to reach a pier
    assert longer.min() > -0.01
    assert longer.max() < 1.0
    assert np.median(longer) < 0.001
    assert apart.sum() > 2000


def test_only_crossings_that_are_needed_are_kept() -> None:
    pairs = crossings().pairs
    assert set(pairs) == {(a, b) for a in range(6) for b in range(6) if a != b}
    stops = [stop["name"] for stop in read_table("crossings.json")["stops"]]
    starts, ends, rides = pairs[0, 1]
    kept = {(stops[a], stops[b]): ride for a, b, ride in zip(starts, ends, rides, strict=True)}
    assert kept["Beşiktaş", "Üsküdar"] == 14
    assert kept["Sirkeci station", "Üsküdar station"] == 11
    assert kept["İstinye", "Çubuklu"] == 26
    assert ("Eyüpsultan", "Üsküdar") not in kept  # the Golden Horn ferry is slower than the bus to Eminönü and a ferry
    assert len(kept) < 60


def test_both_directions_take_equally_long_to_the_last_bit() -> None:
    lat, lon = places_of_the_map(150, seed=1)
    there = travel_minutes(lat[:, None], lon[:, None], lat, lon)
    back = travel_minutes(lat, lon, lat[:, None], lon[:, None])
    assert (there == back).all()
    assert (there == there.T).all()


def test_the_same_point_is_no_way_at_all() -> None:
    lat, lon = places_of_the_map(200, seed=2)
    assert (travel_minutes(lat, lon, lat, lon) == 0.0).all()


def test_a_detour_is_hardly_ever_shorter() -> None:
    lat, lon = places_of_the_map(120, seed=3)
    direct = travel_minutes(lat[:, None], lon[:, None], lat, lon)
    gain = direct[:, None, :] - direct[:, :, None] - direct[None]  # start, via, end
    assert gain.max() < 10.0  # along one shore by way of the other one, on Marmaray
    assert (gain > 1.0).mean() < 0.001
    apart = land_of(lat, lon)[:, None] != land_of(lat, lon)
    assert gain.transpose(0, 2, 1)[apart].max() < 0.01


def test_shapes_broadcast_and_agree_with_single_pairs() -> None:
    lat, lon = places_of_the_map(20, seed=4)
    table = travel_minutes(lat[:5, None], lon[:5, None], lat[None, :], lon[None, :])
    assert table.shape == (5, 20)
    assert table.dtype == np.float64
    singles = [[minutes((lat[i], lon[i]), (lat[j], lon[j])) for j in range(20)] for i in range(5)]
    np.testing.assert_allclose(table, singles, rtol=0, atol=0)
    assert travel_minutes(lat, lon, 41.0, 29.0).shape == (20,)
    assert travel_minutes(41.0, 29.0, 41.0, 29.0).shape == ()
    assert travel_minutes(np.empty(0), np.empty(0), lat[:, None], lon[:, None]).shape == (20, 0)


def test_other_cities_have_no_ferries() -> None:
    times_square, brooklyn = (40.7580, -73.9855), (40.6782, -73.9442)
    km = distance_km(*times_square, *brooklyn)
    assert minutes(times_square, brooklyn) == float(local_minutes(km))
    ankara = (39.9334, 32.8597)
    assert minutes(ankara, MODA) == float(local_minutes(distance_km(*ankara, *MODA)))


def test_a_missing_coordinate_gives_nan() -> None:
    found = travel_minutes([np.nan, 41.02, 41.02], [28.97, 28.97, 28.97], [40.99, np.nan, 40.99], [29.02, 29.02, 29.02])
    assert np.isnan(found).tolist() == [True, True, False]


def test_long_arrays_are_the_same_in_every_block() -> None:
    count = (1 << 14) + 3
    found = travel_minutes(np.full(count, GALATA[0]), np.full(count, GALATA[1]), *MODA)
    assert (found == minutes(GALATA, MODA)).all()


def test_a_million_pairs_take_seconds() -> None:
    random = np.random.default_rng(0)
    lat, lon = random.uniform(40.83, 41.25, (2, 1_000_000)), random.uniform(28.75, 29.25, (2, 1_000_000))
    travel_minutes(*GALATA, *MODA)
    began = time.process_time()
    found = travel_minutes(lat[0], lon[0], lat[1], lon[1])
    assert time.process_time() - began < 4.0 * slowness()  # 1.2 to 1.7 s on one core
    assert np.isfinite(found).all()


def test_serving_can_import_it_without_pandas() -> None:
    code = "import sys, hidden_gems.catalogue.travel; print('pandas' in sys.modules, 'opening_hours' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_neighborhoods_are_within_a_day_of_each_other() -> None:
    table = load_neighborhoods()
    lat, lon = table["lat"].to_numpy(), table["lon"].to_numpy()
    found = travel_minutes(lat[:, None], lon[:, None], lat, lon)
    assert 30 < np.median(found) < 90
    assert found.max() < 300
