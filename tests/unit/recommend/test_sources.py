"""Where candidates come from, beside what counts: lists of deep models, minutes, the hour and the weather, editors."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hidden_gems.core.clock import DAY_SECONDS, HOUR_SECONDS
from hidden_gems.core.errors import BadInputError
from hidden_gems.features.live_rows import ItemRows
from hidden_gems.features.rows import NEW_ITEM, ItemRow
from hidden_gems.recommend.answering import find, nearby
from hidden_gems.recommend.business import parse, shipped
from hidden_gems.recommend.candidates import CandidateConfig
from hidden_gems.recommend.tables import ReleaseTables
from hidden_gems.recommend.world import World
from tests.worlds import COUNT, GALATA, NOW, context, person, request, tables, world


def sources(seen: World, who: Any = None, **more: Any) -> dict[str, set[str]]:
    """Gems by source."""
    found = find(seen, who or person(), request(context=context(**more)))
    named: dict[str, set[str]] = {}
    for gem, names in zip(found.item_ids, found.sources, strict=True):
        for name in names:
            named.setdefault(name, set()).add(gem)
    return named


def following(**lists: list[list[int]]) -> World:
    """The city with lists: by model, the gems that follow g1, g2, …"""
    found = {}
    for name, rows in lists.items():
        found[name] = np.zeros((COUNT + 1, max(map(len, rows))), dtype=np.int64)
        for number, row in enumerate(rows, start=1):
            found[name][number, : len(row)] = row
    seen = world()
    items = replace(seen.items, tables=replace(tables(), following=found))
    return replace(seen, items=items)


def test_lists_are_read_of_the_last_places_the_newest_first() -> None:
    seen = following(sasrec=[[5, 6, 7], [7, 8]], graphsage=[[], [9]])
    named = sources(seen, person("g1", "g2"))
    assert named["sasrec"] == {"g5", "g6", "g7", "g8"}
    assert named["graphsage"] == {"g9"}
    scores = seen.items.followers("sasrec", np.array([1, 2]))
    assert scores[[5, 6, 7, 8]].tolist() == pytest.approx([0.7, 0.35, 0.7 / 3 + 1.0, 0.5])
    assert np.isneginf(scores[[0, 1, 9]]).all()
    assert "sasrec" not in sources(seen, person())


def test_lists_come_back_from_a_folder_and_older_releases_have_none(tmp_path: Path) -> None:
    made = following(sasrec=[[5, 6]]).items.tables
    made.save(tmp_path)
    back = ReleaseTables.load(tmp_path)
    assert {name: rows.tolist() for name, rows in back.following.items()} == {
        name: rows.tolist() for name, rows in made.following.items()
    }
    (tmp_path / "following.npz").unlink()
    assert ReleaseTables.load(tmp_path).following == {}


def test_near_is_near_in_minutes() -> None:
    uskudar = {"lat": 41.0264, "lon": 29.0152}  # across the water from Galata
    seen = world()
    columns = dict(seen.items.columns) | {
        "lat": [GALATA[0] if n % 2 else uskudar["lat"] - 0.03 for n in range(COUNT)],
        "lon": [GALATA[1] if n % 2 else uskudar["lon"] + 0.02 for n in range(COUNT)],
    }
    seen = replace(seen, items=replace(seen.items, columns=columns))
    scores = nearby(seen, person(), request(context=context(**uskudar)))
    assert scores is not None
    assert scores[1] > scores[2]  # 4 km on this shore come before 3.5 km across the water
    assert nearby(seen, person(), request()) is None


def test_this_hour_counts_likes_of_this_time_of_day_and_weather_takes_what_is_outside() -> None:
    def row(*ago: float) -> ItemRow:
        return ItemRow(NEW_ITEM.totals, tuple(sorted(int(NOW - hours * HOUR_SECONDS) for hours in ago)))

    days = DAY_SECONDS // HOUR_SECONDS
    rows = ItemRows.of(
        {
            "g1": row(days, 2 * days + 1.2, 3 * days - 1),  # outdoor, by tests.worlds
            "g2": row(days + 12, 2 * days + 2),  # at other hours
            "g3": row(days),  # indoor
            "g4": row(29 * days),  # too long ago
        }
    )
    seen = world(rows=rows)
    dry = seen.this_hour(context(weather="clear"))
    assert dry[[1, 3]].tolist() == [3.0, 1.0]
    assert np.isneginf(np.delete(dry, [1, 3])).all()
    storm = seen.this_hour(context(weather="storm"))
    assert storm[3] == 1.0
    assert np.isneginf(storm[1])
    assert sources(seen, weather="clear")["this_hour"] == {"g1", "g3"}
    assert "this_hour" not in sources(seen.as_released(), weather="clear")


def test_the_business_file_switches_sources_and_names_what_editors_put_forward() -> None:
    business = parse('editorial = ["g17", "nobody-knows", "g3"]\nsources_off = ["trending", "this_hour"]')
    seen = world(business=business)
    named = sources(seen)
    assert named["editorial"] == {"g17", "g3"}
    assert not {"trending", "this_hour"} & named.keys()
    assert {"trending", "this_hour"} <= sources(world()).keys()
    assert shipped().editorial == ()
    with pytest.raises(BadInputError, match="sources_off"):
        parse('sources_off = ["popular"]')


def test_what_editors_put_forward_is_found_in_a_large_catalogue() -> None:
    small = CandidateConfig(size=5, whole_catalogue_up_to=1)

    def found(business: Any) -> set[str]:
        seen = world(business=business)
        generator = seen.items.generator
        generator.config = small
        return set(find(seen, person(), request()).item_ids)

    last = f"g{COUNT}"
    assert last not in found(shipped().model_copy(update={"sources_off": ("trending", "this_hour", "new")}))
    assert last in found(parse(f'editorial = ["{last}"]\nsources_off = ["trending", "this_hour", "new"]'))
