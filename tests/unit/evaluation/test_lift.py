"""Rates and lifts out of an archive whose slates are known one by one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from hidden_gems.datasets.archive import Row, impression_rows, interaction_rows, write_parts
from hidden_gems.evaluation.lift import Lift, lift_of, read_slates
from hidden_gems.events.records import Interaction, Place, Slate

HOUR, DAY, AT = 3600.0, 86_400.0, 1_777_900_000.0


def slate(name: str, person: str, variant: str, at: float = AT) -> Slate:
    places = tuple(Place(f"g{number}", number, 0.5, 1.0, (), (0.5,)) for number in range(4))
    return Slate(name, person, at, "ranker+thompson", "r1", "ranker_v1", 3, places, variant=variant)


def told(name: str, kind: str = "click", at: float = AT + 60, item: str = "g0", **more: object) -> Interaction:
    said = {"slate_id": name, "signed": True, "value": None} | more
    return Interaction(f"{name}-{item}-{kind}-{at}", "p", item, kind, at, at, **said)  # type: ignore[arg-type]


def archived(folder: Path, slates: Sequence[Slate], events: Sequence[Interaction] = ()) -> Path:
    rows: dict[str, list[Row]] = {"impressions": [], "interactions": []}
    for each in slates:
        rows["impressions"] += impression_rows(each)
    for event in events:
        rows["interactions"] += interaction_rows(event)
    for table, found in rows.items():
        write_parts(folder, table, found)
    return folder


def judged(folder: Path, since: float = AT - DAY, until: float = AT + DAY) -> Lift:
    return lift_of(read_slates(folder, since, until))


def test_rates_are_what_was_signed_in_time_and_once(tmp_path: Path) -> None:
    slates = [slate("a", "p1", "online"), slate("b", "p1", "online"), slate("c", "p2", "online")]
    events = [
        told("a"),
        told("a", at=AT + 70),  # once an impression and type
        told("a", "save", AT + 20 * HOUR),  # in its window, on the next day; the place is clicked already
        told("a", "dismiss", item="g1"),
        told("b", signed=False),
        told("b", at=AT + HOUR),  # half an hour late
        told("b", "relevance_rating", value=5.0),  # says nothing of taste
        told("c", "view", item="g2"),
        told("c", "rating", value=5.0, item="g3"),
        told("nowhere"),
    ]
    found = judged(archived(tmp_path, slates, events))
    assert (found.slates, found.people, found.lifts) == ({"online": 3}, {"online": 2}, {})
    rates = {name: each.value for name, each in found.rates["online"].items()}
    assert rates["ctr"] == pytest.approx(2 / 12)
    assert rates["reward_per_slate"] == pytest.approx((0.3 + 0.7 - 0.5 + 0.1 + 1.0) / 3)
    assert rates["feedback_share"] == pytest.approx(2 / 3)
    assert found.days == ({"day": "2026-05-04", "variant": "online", "slates": 3, **{n: rates[n] for n in rates}},)


def test_feedback_is_in_time_by_when_the_answer_was_given(tmp_path: Path) -> None:
    asked_for_tonight = replace(slate("a", "p1", "online", AT + 8 * HOUR), issued=AT)
    asked_for_this_morning = replace(slate("b", "p1", "online", AT - 8 * HOUR), issued=AT)
    found = judged(archived(tmp_path, [asked_for_tonight, asked_for_this_morning], [told("a"), told("b")]))
    assert found.rates["online"]["feedback_share"].value == 1.0


def test_who_is_in_no_variant_is_in_no_figure(tmp_path: Path) -> None:
    slates = [slate("a", "p1", "online"), slate("b", "", "online"), slate("c", "p3", ""), slate("d", "p4", "static")]
    old = slate("e", "p5", "online", AT - 2 * DAY)
    found = judged(archived(tmp_path, [*slates, *slates, old]))  # the same message twice is one
    assert found.slates == {"online": 1, "static": 1}
    assert judged(tmp_path, AT - 3 * DAY).slates == {"online": 2, "static": 1}
    assert read_slates(tmp_path, AT + DAY, AT + 2 * DAY).empty


def test_an_archive_of_before_there_were_variants_has_no_slate_to_compare(tmp_path: Path) -> None:
    folder = archived(tmp_path, [slate("a", "p1", "online")])
    [path] = (folder / "impressions").rglob("part-*.parquet")
    pq.write_table(pq.ParquetFile(path).read().drop_columns(["variant"]), path)
    assert read_slates(folder, AT - DAY, AT + DAY).empty


def test_a_lift_is_found_and_its_interval_is_that_of_people(tmp_path: Path) -> None:
    random, slates, events = np.random.default_rng(4), [], []
    for person in range(240):
        variant = "static" if person % 4 == 0 else "online"
        rate = random.beta(2, 5) * (1.5 if variant == "online" else 1.0)
        for number in range(6):
            name = f"{person}-{number}"
            slates.append(slate(name, f"p{person}", variant, AT + number * 4 * HOUR))
            if random.random() < rate:
                events.append(told(name, at=slates[-1].timestamp + 60))
    found = judged(archived(tmp_path, slates, events), until=AT + 2 * DAY)
    lift, ratio = found.lifts["ctr"], found.rates["online"]["ctr"].value / found.rates["static"]["ctr"].value
    assert lift.value == pytest.approx(ratio - 1.0)
    assert 0 < lift.low < lift.value < lift.high
    assert lift.low < 0.5 < lift.high
    assert (lift.users, found.people) == (240, {"online": 180, "static": 60})
    static = found.rates["static"]["ctr"]
    by_person = np.array([sum(e.slate_id.startswith(f"{p}-") for e in events) / 24 for p in range(0, 240, 4)])  # type: ignore[union-attr]
    assert (static.high - static.low) / 3.92 == pytest.approx(by_person.std() / 60**0.5, rel=0.1)
    assert {day["day"] for day in found.days} == {"2026-05-04", "2026-05-05"}
    assert sum(int(day["slates"]) for day in found.days) == 1440


def test_the_same_seed_gives_the_same_interval(tmp_path: Path) -> None:
    slates = [slate(str(number), f"p{number}", ("online", "static")[number % 2]) for number in range(40)]
    folder = archived(tmp_path, slates, [told(str(number)) for number in range(0, 40, 3)])
    table = read_slates(folder, AT - DAY, AT + DAY)
    assert lift_of(table, seed=3) == lift_of(table, seed=3)
    assert lift_of(table, seed=3).lifts != lift_of(table, seed=4).lifts
