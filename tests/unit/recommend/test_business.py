"""The business file: what it adds to utilities, and that it is obeyed when it changes, but for mistakes."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.core.errors import BadInputError
from hidden_gems.recommend.business import STEP, BusinessFile, is_new, parse, shipped, small_businesses
from hidden_gems.recommend.live import LiveItems
from tests.worlds import COUNT, NOW, context, world

ROWS = np.arange(1, COUNT + 1)


def test_the_shipped_file_says_what_the_plan_asks_for_and_weighs_nothing() -> None:
    found = shipped()
    assert (found.rare_share, found.weight_new, found.weight_small) == (0.4, 0.0, 0.0)
    assert found.added(world().items, ROWS, context()) is None


def test_a_file_may_say_a_part() -> None:
    assert parse("weight_new = 1\n") == shipped().model_copy(update={"weight_new": 1.0})
    assert parse("") == shipped()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("floor = 0.1\nrare_share 0.4\n", "line 2"),
        ("floor = 0.1\n\nrare_share = 1.4\n", r"rare_share \(at line 3\).*less than or equal to 1"),
        ("weight_old = 1.0\n", r"weight_old \(at line 1\).*not permitted"),
        ("floor = 0.1\nweight_new = 'much'\n", r"weight_new \(at line 2\)"),
        ("weight_small = nan\n", "weight_small"),
    ],
)
def test_a_mistake_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        parse(text)


def test_small_businesses_are_cheap_places_without_tourists_where_something_is_sold() -> None:
    items = world().items
    assert not small_businesses(items).any()  # half of who goes there are tourists
    columns = dict(items.tables.columns) | {"tourist_ratio": [0.3] * (COUNT - 1) + [None]}
    other = LiveItems.of(replace(items.tables, columns=columns), {})
    found = small_businesses(other)[1:]
    expected = [kind in ("cafe", "bar") and price <= 2 for kind, price in zip(
        columns["type"], [9 if each is None else each for each in columns["price_level"]], strict=True)]  # fmt: skip
    assert found.tolist() == expected
    assert 0 < found.sum() < COUNT


def test_new_gems_are_those_first_seen_lately() -> None:
    items = world().items
    assert is_new(items, NOW, 1.0)[1:].all()
    assert not is_new(items, NOW + 2 * DAY_SECONDS, 1.0).any()


def test_a_weight_is_worth_half_a_standard_deviation_each() -> None:
    items, asked = world().items, shipped().model_copy(update={"weight_new": -2.0})
    assert asked.added(items, ROWS, context()).tolist() == [-2.0 * STEP] * COUNT
    old = asked.model_copy(update={"new_days": 0.1})
    assert old.added(items, ROWS, context()).tolist() == [0.0] * COUNT


def test_a_file_is_obeyed_when_it_changes_and_the_last_good_one_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = BusinessFile(tmp_path / "business.toml")
    assert file.look() == shipped()
    file.path.write_text("weight_new = 1.0\n")
    assert file.look().weight_new == 1.0
    with caplog.at_level(logging.ERROR, "gems"):
        file.path.write_text("weight_new = 2.0\nfloor = 7\n")
        assert [file.look().weight_new for _ in range(3)] == [1.0] * 3
    assert file.refused
    [said] = caplog.messages
    assert "business.toml" in said
    assert "floor (at line 2)" in said
    file.path.write_text("weight_new = 2.0\n")
    assert (file.look().weight_new, file.refused) == (2.0, False)
    file.path.write_bytes(b"\xff")
    assert (file.look().weight_new, file.refused) == (2.0, True)
    file.path.unlink()
    assert (file.look(), file.refused) == (shipped(), False)
