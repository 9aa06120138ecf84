import numpy as np
import pytest

from hidden_gems.catalogue.polygons import OUTSIDE, Partition

BAY = np.array(
    [[0.0, 0.0], [0.0, 6.0], [4.0, 6.0], [4.0, 4.0], [2.0, 3.0], [4.0, 2.0], [4.0, 0.0]]
)  # open to the north
WEDGE = np.array([[1.0, 8.0], [3.0, 10.0], [1.0, 12.0]])


def points(*pairs: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    lat, lon = np.array(pairs, dtype=float).T
    return lat, lon


@pytest.fixture(scope="module")
def partition() -> Partition:
    return Partition([BAY, WEDGE])


def test_points_are_in_their_polygon_or_in_none(partition: Partition) -> None:
    inside_bay = points((3, 1), (3, 5), (1, 3), (3.9, 0.1), (0.5, 5.9))
    inside_wedge = points((1.5, 9), (2.9, 10), (1.1, 8.2), (1.1, 11.8))
    outside = points(
        (3, 3), (3, 2.6), (3, 3.4), (1.5, 7), (2.9, 9.8), (2.9, 10.2), (1.5, -1), (1.5, 13), (-0.1, 3), (4.1, 1)
    )
    assert partition.locate(*inside_bay).tolist() == [0] * 5
    assert partition.locate(*inside_wedge).tolist() == [1] * 4
    assert partition.locate(*outside).tolist() == [OUTSIDE] * 10


def test_slanted_edges_count_from_the_foot_of_their_strip(partition: Partition) -> None:
    # the wedge begins at 8 + (lat - 1) and ends at 12 - (lat - 1)
    lat = np.array([1.25, 1.25, 1.25, 1.25, 2.5, 2.5, 2.5, 2.5])
    lon = np.array([8.24, 8.26, 11.74, 11.76, 9.49, 9.51, 10.49, 10.51])
    assert partition.locate(lat, lon).tolist() == [-1, 1, 1, -1, -1, 1, 1, -1]


def test_the_southern_border_belongs_to_the_polygon_and_the_northern_one_does_not() -> None:
    square = Partition([np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])])
    assert square.locate(*points((0, 0.5), (1, 0.5))).tolist() == [0, OUTSIDE]


def test_a_gap_belongs_to_the_nearer_side(partition: Partition) -> None:
    # at latitude 1.5 the bay ends at 6 and the wedge begins at 8.5; at 3.5 the inlet is from 2.25 to 3.75
    assert partition.nearest(*points((1.5, 7.2), (1.5, 7.3), (3.5, 3)), reach=5).tolist() == [0, 1, 0]


def test_nearest_keeps_what_is_inside(partition: Partition) -> None:
    assert partition.nearest(*points((1.5, 9), (1, 3)), reach=0).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("lon", "found"),
    [(-0.5, 0), (-0.51, OUTSIDE), (6.5, 0), (6.51, OUTSIDE), (8.0, 1), (7.99, OUTSIDE), (12.0, 1), (12.01, OUTSIDE)],
)
def test_nearest_does_not_reach_further_than_told(partition: Partition, lon: float, found: int) -> None:
    assert partition.nearest(*points((1.5, lon)), reach=0.5).tolist() == [found]


def test_nearest_finds_nothing_north_or_south_of_all(partition: Partition) -> None:
    assert partition.nearest(*points((-0.1, 3), (4.0, 3)), reach=9).tolist() == [OUTSIDE, OUTSIDE]


def test_missing_coordinates_are_outside(partition: Partition) -> None:
    assert partition.locate(*points((np.nan, 1), (1, np.nan))).tolist() == [OUTSIDE, OUTSIDE]
    assert partition.nearest(*points((np.nan, 1), (1, np.nan)), reach=9).tolist() == [OUTSIDE, OUTSIDE]


def test_many_random_points_agree_with_one_by_one_ray_casting(partition: Partition) -> None:
    random = np.random.default_rng(3)
    lat, lon = random.uniform(-1, 5, 2_000), random.uniform(-1, 13, 2_000)

    def inside(ring: np.ndarray, y: float, x: float) -> bool:
        odd = False
        for (y0, x0), (y1, x1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                odd = not odd
        return odd

    expected = [
        0 if inside(BAY, y, x) else 1 if inside(WEDGE, y, x) else OUTSIDE for y, x in zip(lat, lon, strict=True)
    ]
    assert partition.locate(lat, lon).tolist() == expected
    assert set(expected) == {0, 1, OUTSIDE}
