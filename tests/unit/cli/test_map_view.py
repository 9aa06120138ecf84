import re
from itertools import combinations
from math import hypot
from xml.etree import ElementTree

import numpy as np
import pytest

from hidden_gems.cli.map_view import HEART_OF_ISTANBUL, PIN_RADIUS, WIDTH, Pin, svg_map

GALATA = (41.0256, 28.9741)
EUROPE = {"Europe": [(41.0, 28.9), (41.1, 28.9), (41.1, 29.0)], "Asia <&>": [(41.0, 29.0), (41.1, 29.1), (41.0, 29.1)]}


def pins(*points: tuple[float, float]) -> list[Pin]:
    return [Pin(number, point, f"Gem {number} & <co>") for number, point in enumerate(points, start=1)]


def drawn(svg: str) -> tuple[ElementTree.Element, float]:
    root = ElementTree.fromstring(svg)
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    assert (left, top, width) == (0, 0, WIDTH)
    assert 0.5 * WIDTH <= height <= 1.4 * WIDTH
    return root, height


def centres(root: ElementTree.Element) -> list[tuple[float, float]]:
    circles = [group.find("circle") for group in root.iter("g")]
    return [(float(circle.attrib["cx"]), float(circle.attrib["cy"])) for circle in circles if circle is not None]


PLACES = np.array([[41.02, 28.97], [np.nan, np.nan], [41.05, 29.02]])
SLATES = {
    "spread": pins((41.0, 28.9), (41.1, 29.1), (41.2, 28.7)),
    "on one spot": pins(*[GALATA] * 10),
    "near one another": pins(*[(41.0256 + i * 1e-5, 28.9741 - i * 1e-5) for i in range(10)]),
    "a tall slate": pins((40.0, 29.0), (42.0, 29.0)),
    "a wide slate": pins((41.0, 27.0), (41.0, 31.0)),
    "one": pins(GALATA),
}


@pytest.mark.parametrize("shores", [EUROPE, {}], ids=["Istanbul", "another city"])
@pytest.mark.parametrize("slate", SLATES)
def test_pins_are_inside_the_picture_and_apart(slate: str, shores: dict[str, list[tuple[float, float]]]) -> None:
    svg = svg_map(SLATES[slate], PLACES, shores, GALATA)
    root, height = drawn(svg)
    found = centres(root)
    assert len(found) == len(SLATES[slate])
    for x, y in found:
        assert PIN_RADIUS <= x <= WIDTH - PIN_RADIUS
        assert PIN_RADIUS <= y <= height - PIN_RADIUS
    for (x, y), (other_x, other_y) in combinations(found, 2):
        assert hypot(x - other_x, y - other_y) >= 2 * PIN_RADIUS - 0.5
    assert svg_map(SLATES[slate], PLACES, shores, GALATA) == svg


def test_north_is_up_and_east_is_right_in_equal_scale() -> None:
    root, _ = drawn(svg_map(pins((41.0, 28.95), (41.05, 28.95), (41.0, 29.01)), PLACES, {}))
    (x, y), (north_x, north_y), (east_x, east_y) = centres(root)
    assert north_y < y
    assert east_x > x
    assert north_x == pytest.approx(x, abs=1.5)
    assert east_y == pytest.approx(y, abs=1.5)
    degrees_north, degrees_east = 0.05, 0.06 * np.cos(np.radians(41.025))
    assert (y - north_y) / degrees_north == pytest.approx((east_x - x) / degrees_east, rel=0.02)


def test_what_is_on_the_map() -> None:
    svg = svg_map(pins(GALATA, (41.04, 29.0)), PLACES, EUROPE, here=(41.03, 28.98))
    root, _ = drawn(svg)
    assert [element.attrib.get("class") for element in root] == [
        "sea", "land", "land", "dot", "dot", "here", "lead", "pin", "lead", "pin",
    ]  # fmt: skip
    assert [text.text for text in root.iter("text")] == ["1", "2"]
    assert [title.text for title in root.iter("title")] == [
        "Europe", "Asia <&>", "you are here", "Gem 1 & <co>", "Gem 2 & <co>",
    ]  # fmt: skip
    for line, (x, y) in zip(root.iter("line"), centres(root), strict=True):
        assert hypot(float(line.attrib["x2"]) - x, float(line.attrib["y2"]) - y) < 0.2
    assert "nan" not in svg
    assert not re.search(r"https?:", svg)


def test_the_heart_of_istanbul_is_always_on_it_where_there_are_shores() -> None:
    (low, left), (high, right) = HEART_OF_ISTANBUL
    assert (low, left) < GALATA < (high, right)
    near = pins(GALATA, (41.026, 28.975))
    first, second = centres(drawn(svg_map(near, PLACES, EUROPE))[0])
    close, apart = hypot(first[0] - second[0], first[1] - second[1]), WIDTH / 4
    assert close < apart  # two neighbours do not fill the picture
    root, _ = drawn(svg_map(near, PLACES, {}))
    assert next(iter(root)).attrib["class"] == "ground"
    assert not list(root.iter("path"))


def test_nothing_known_is_no_map() -> None:
    nowhere = np.full((3, 2), np.nan)
    assert svg_map([], nowhere, {}) == ""
    assert svg_map([], nowhere, EUROPE) == ""
    root, _ = drawn(svg_map([], PLACES, {}))
    assert [element.attrib["class"] for element in root] == ["ground", "dot", "dot"]
    assert [element.attrib["class"] for element in drawn(svg_map([], nowhere, {}, GALATA))[0]] == ["ground", "here"]
