"""The city in which every figure was measured stays that city, also after the code has changed.

The parameters are frozen by their digest, and here what is made of them. A figure that moves means that the simulator
or its catalogue has changed: say so in the CHANGELOG and measure everything again (decision 19).
"""

import json
from pathlib import Path

import pytest

from tests.unit.simulation.frozen import SECTIONS

FROZEN = json.loads((Path(__file__).parent / "frozen.json").read_text())


def test_all_sections_are_frozen() -> None:
    assert list(FROZEN) == list(SECTIONS)


@pytest.mark.parametrize("section", SECTIONS)
def test_the_city_is_the_one_of_the_figures(section: str) -> None:
    assert SECTIONS[section]() == pytest.approx(FROZEN[section], rel=1e-5, abs=1e-6)
