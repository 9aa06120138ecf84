from itertools import combinations

import numpy as np
import pytest

from hidden_gems.catalogue.geography import (
    EARTH_RADIUS_KM,
    ELSEWHERE,
    SHORES,
    distance_km,
    districts,
    in_district,
    land_of,
    on_land,
    outlines,
    shore_of,
    unit_vectors,
)
from hidden_gems.catalogue.places import load_neighborhoods

LANDMARKS = {
    "Ayasofya": (41.0086, 28.9802, "europe"),
    "Galata Kulesi": (41.0256, 28.9741, "europe"),
    "Pierre Loti": (41.0536, 28.9339, "europe"),
    "Dolmabahçe": (41.0391, 28.9990, "europe"),
    "Rumeli Hisarı": (41.0847, 29.0561, "europe"),
    "Rumeli Feneri": (41.2330, 29.1100, "europe"),
    "Yeşilköy": (40.9600, 28.8260, "europe"),
    "İstanbul Havalimanı": (41.2600, 28.7430, "europe"),
    "Moda": (40.9862, 29.0257, "asia"),
    "Haydarpaşa Garı": (40.9962, 29.0188, "asia"),
    "Beylerbeyi Sarayı": (41.0427, 29.0405, "asia"),
    "Anadolu Hisarı": (41.0821, 29.0672, "asia"),
    "Yoros Kalesi": (41.1790, 29.0950, "asia"),
    "Anadolu Feneri": (41.2170, 29.1520, "asia"),
    "Bostancı": (40.9560, 29.0950, "asia"),
    "Sabiha Gökçen": (40.8986, 29.3092, "asia"),
    "Ağva": (41.1390, 29.8550, "asia"),
    "Kınalıada": (40.9090, 29.0490, "islands"),
    "Burgazada": (40.8805, 29.0635, "islands"),
    "Heybeliada": (40.8765, 29.0930, "islands"),
    "Aya Yorgi, Büyükada": (40.8481, 29.1186, "islands"),
}


@pytest.mark.parametrize("name", LANDMARKS)
def test_landmarks_stand_on_land_on_their_shore(name: str) -> None:
    lat, lon, shore = LANDMARKS[name]
    assert on_land(lat, lon)
    assert shore_of(lat, lon) == shore


@pytest.mark.parametrize(
    ("lat", "lon"),
    [
        (41.0200, 28.9950), (41.0240, 28.9660), (41.0456, 29.0345), (41.1600, 29.0620), (41.0000, 29.0000),
        (40.9000, 29.0800), (40.9760, 29.0330),
    ],
)  # fmt: skip
def test_the_bosphorus_the_golden_horn_and_the_sea_are_water(lat: float, lon: float) -> None:
    assert not on_land(lat, lon)


@pytest.mark.parametrize(
    ("lat", "lon", "shore"),
    [
        (41.0620, 29.0420, "europe"),  # off Arnavutköy
        (41.0620, 29.0510, "asia"),  # off Vaniköy
        (41.0199, 28.9732, "europe"),  # on the Galata bridge
        (41.0211, 29.0041, "asia"),  # Kız Kulesi
        (40.9540, 29.0850, "asia"),  # off Bostancı, nothing to the west
        (40.9090, 29.0400, "islands"),  # off Kınalıada
        (40.8500, 28.9900, ELSEWHERE),  # the open Marmara: 0.12 degrees west of Büyükada
        (40.8500, 29.0200, "islands"),  # 0.09 degrees west of it
    ],
)
def test_water_belongs_to_the_nearer_land(lat: float, lon: float, shore: str) -> None:
    assert shore_of(lat, lon) == shore


def test_other_cities_are_elsewhere() -> None:
    assert shore_of([40.7128, 39.9334, 40.1828], [-74.0060, 32.8597, 29.0665]).tolist() == [ELSEWHERE] * 3
    assert land_of(40.7128, -74.006) == -1


def test_shapes_broadcast() -> None:
    assert shore_of(np.full((3, 1), 41.0256), np.array([28.9741, 29.04])).shape == (3, 2)
    assert land_of(41.0256, [28.9741, 29.1]).tolist() == [0, 1]
    assert shore_of(41.0256, 28.9741).shape == ()


def test_outlines_are_two_shores_and_four_islands() -> None:
    assert [(outline.name, outline.shore) for outline in outlines()] == [
        ("Europe", "europe"), ("Asia", "asia"), ("Kınalıada", "islands"), ("Burgazada", "islands"),
        ("Heybeliada", "islands"), ("Büyükada", "islands"),
    ]  # fmt: skip
    assert {outline.shore for outline in outlines()} == set(SHORES)


def test_the_coast_is_drawn_finely_enough_for_a_map() -> None:
    for outline in outlines():
        ends = np.roll(outline.ring, -1, axis=0)
        steps = distance_km(outline.ring[:, 0], outline.ring[:, 1], ends[:, 0], ends[:, 1])
        city = (
            (outline.ring[:, 0] > 40.95)
            & (outline.ring[:, 0] < 41.2)
            & (outline.ring[:, 1] > 28.9)
            & (outline.ring[:, 1] < 29.1)
        )
        if city.any():
            assert steps[city].max() < 1.2


def _crosses(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> bool:
    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> float:
        return float((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


def test_no_two_edges_of_the_shores_cross() -> None:
    edges = [(a, b) for o in outlines() for a, b in zip(o.ring, np.roll(o.ring, -1, axis=0), strict=True)]
    assert not [1 for (a, b), (c, d) in combinations(edges, 2) if _crosses(a, b, c, d)]


def test_no_district_crosses_itself_and_each_has_8_to_30_corners() -> None:
    for district in districts().values():
        edges = list(zip(district.ring, np.roll(district.ring, -1, axis=0), strict=True))
        assert not [1 for (a, b), (c, d) in combinations(edges, 2) if _crosses(a, b, c, d)], district.name
        assert 8 <= len(district.ring) <= 30


def test_districts_hardly_overlap() -> None:
    random = np.random.default_rng(1)
    lat, lon = random.uniform(40.83, 41.25, 20_000), random.uniform(28.75, 29.25, 20_000)
    inside = np.stack([in_district(name, lat, lon) for name in districts()]).sum(axis=0)
    assert (inside > 1).sum() < 0.01 * (inside > 0).sum()


def test_neighborhoods_lie_in_their_district_on_their_shore() -> None:
    table = load_neighborhoods()
    for row in table.itertuples():
        assert in_district(row.district, row.lat, row.lon), row.name
        assert districts()[row.district].shore == row.shore
    assert (shore_of(table["lat"], table["lon"]) == table["shore"]).all()
    assert on_land(table["lat"], table["lon"]).all()


def test_a_point_of_one_district_is_not_in_another() -> None:
    assert in_district("Fatih", 41.0086, 28.9802)
    assert not in_district("Beyoğlu", 41.0086, 28.9802)
    with pytest.raises(KeyError):
        in_district("Atlantis", 41.0, 29.0)


def test_distance_of_a_degree_and_of_half_the_earth() -> None:
    assert distance_km(0.0, 0.0, 0.0, 90.0) == pytest.approx(np.pi * EARTH_RADIUS_KM / 2)
    assert distance_km(0.0, 0.0, 0.0, 180.0) == pytest.approx(np.pi * 6371.0088)
    assert distance_km(41.0256, 28.9741, 41.0256, 28.9741) == 0.0
    assert distance_km(60.0, 10.0, 60.0, 11.0) == pytest.approx(55.6, abs=0.05)
    assert distance_km(41.0086, 28.9802, 40.9862, 29.0257) == pytest.approx(4.56, abs=0.01)
    assert distance_km([[41.0], [42.0]], 29.0, 41.0, [29.0, 30.0]).shape == (2, 2)


def test_unit_vectors_point_along_the_axes() -> None:
    vectors = unit_vectors(np.array([0.0, 0.0, 90.0, 30.0]), np.array([0.0, 90.0, 0.0, 60.0]))
    expected = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [np.sqrt(3) / 4, 0.75, 0.5]]
    np.testing.assert_allclose(vectors.T, expected, atol=1e-12)
