import math
import re

from hidden_gems.evaluation.page import bars
from hidden_gems.evaluation.report import Figure


def figure(model: str, value: float, low: float = math.nan, high: float = math.nan) -> Figure:
    return Figure(model, "full catalogue", "ndcg@10", value, low, high, users=5, left_out=0)


def test_bars_lie_below_each_other_each_in_the_middle_of_its_row() -> None:
    drawn = bars([figure("a", 0.2), figure("b", 0.4)])
    first, second = (float(y) for y in re.findall(r'<rect x="[\d.]+" y="([\d.]+)"', drawn))
    height = float(re.search(r'height="([\d.]+)" viewBox', drawn)[1])  # type: ignore[index]
    assert second - first == height / 2
    assert first + 8 == height / 4


def test_a_bar_is_as_long_as_its_value_and_the_interval_lies_on_it() -> None:
    drawn = bars([figure("a", 0.2, 0.1, 0.4), figure("b", math.nan)])
    start = float(re.search(r'<rect x="([\d.]+)"', drawn)[1])  # type: ignore[index]
    width = float(re.search(r'<rect [^>]*width="([\d.]+)"', drawn)[1])  # type: ignore[index]
    low, high = (float(x) for x in re.search(r'd="M([\d.]+) [\d.]+H([\d.]+)"', drawn).groups())  # type: ignore[union-attr]
    assert abs(low - (start + width / 2)) < 0.1
    assert abs(high - (start + 2 * width)) < 0.1
    assert drawn.count("<rect") == 1


def test_nothing_known_is_said() -> None:
    assert "Nothing to draw" in bars([figure("a", math.nan)])
