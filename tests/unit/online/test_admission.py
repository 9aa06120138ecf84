from dataclasses import replace

import pytest

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.events.records import BadRecordError, Interaction
from hidden_gems.online.admission import DAILY_CAP, PERSON_CAPS, Admitted, Moved, admit, check, marks_of

NOON = 20_000 * DAY_SECONDS + DAY_SECONDS / 2


def event(number: int, event_type: str = "click", **other: object) -> Interaction:
    said = {"user_id": "ada", "item_id": "g1", "slate_id": f"s{number}", "signed": True} | other
    return Interaction(f"e{number}", event_type=event_type, timestamp=NOON, received=NOON, **said)  # type: ignore[arg-type]


def outcomes(events: list[Interaction], marked: set[str] | None = None, cap: int = DAILY_CAP) -> list[str]:
    people = {each.user_id: Moved() for each in events}
    admitted, found = admit(events, marked or set(), people, cap)
    assert [each.event for each in admitted] == [e for e, o in zip(events, found, strict=True) if o == "applied"]
    return list(found)


def test_twenty_a_day_by_default() -> None:
    assert DAILY_CAP == 20
    assert outcomes([event(number) for number in range(22)]) == ["applied"] * 20 + ["capped"] * 2


def test_a_signed_event_counts_with_its_reward() -> None:
    events = [event(1, "visit"), event(2, "rating", value=2.0), event(3, "dismiss"), event(4, "dwell", value=60.0)]
    admitted, _ = admit(events, set(), {"ada": Moved()})
    assert admitted == [Admitted(each, reward) for each, reward in zip(events, (1.0, 0.25, -0.5, 0.25), strict=True)]


def test_unsigned_events_and_reports_move_nothing() -> None:
    moved = {"ada": Moved()}
    events = [event(1, signed=False), event(2, "trust_answer", value=1.0), event(3, "shown"), event(4, "impression")]
    assert admit(events, set(), moved) == ([], ["unsigned", "report", "seen", "report"])
    assert moved == {"ada": Moved()}


def test_an_event_counts_once_here_and_across_batches() -> None:
    first = event(1)
    assert outcomes([first, first]) == ["applied", "repeated"]
    assert outcomes([first], {marks_of(first)[0]}) == ["repeated"]


def test_an_impression_and_type_counts_once_whatever_the_event_is_called() -> None:
    again = replace(event(2), slate_id="s1")
    assert outcomes([event(1), again]) == ["applied", "counted"]
    assert outcomes([again], {marks_of(event(1))[1]}) == ["counted"]
    for other in ({"event_type": "save"}, {"item_id": "g2"}, {"slate_id": "s3"}):
        assert outcomes([event(1), replace(again, **other)]) == ["applied", "applied"]


def test_marks_are_taken_by_what_counted_alone() -> None:
    unsigned = replace(event(1), signed=False)
    assert outcomes([unsigned, event(1)]) == ["unsigned", "applied"]


def test_the_cap_is_of_one_person_and_one_item() -> None:
    events = [event(1), event(2), event(3, item_id="g2"), event(4, user_id="bora"), event(5)]
    assert outcomes(events, cap=1) == ["applied", "capped", "applied", "applied", "capped"]


def test_the_cap_is_of_the_collectors_day_in_utc() -> None:
    moved = Moved()
    found = []
    for day in (5, 5, 6, 6, 5):
        found.append(moved.room("g1", day, 1))
        if found[-1]:
            moved.take("g1")
    assert found == [True, False, True, False, False]
    assert (moved.day, moved.items) == (6, {"g1": 1})
    backdated = replace(event(2), timestamp=NOON - 3 * DAY_SECONDS)
    assert outcomes([event(1), backdated], cap=1) == ["applied", "capped"]
    later = [replace(event(n), received=20_001 * DAY_SECONDS + seconds) for n, seconds in ((2, -0.5), (3, 0.0))]
    assert outcomes([event(1), *later], cap=1) == ["applied", "capped", "applied"]


def test_what_was_moved_comes_back() -> None:
    moved = Moved(7, {"çay": 3})
    assert Moved.from_json(moved.to_json()) == moved
    assert Moved.from_json(None) == Moved(0, {})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (event(1, "applause"), "type 'applause'"),
        (event(1, "rating", value=6.0), r"the value 6.0 outside 1.0 to 5.0"),
        (event(1, "rating", value=0.5), "the value 0.5"),
        (event(1, "rating"), "the value None"),
        (event(1, "rating", value="5"), "the value '5'"),
        (event(1, "dwell", value=True), "the value True"),
        (event(1, "dwell", value=float("inf")), "the value inf"),
        (event(1, "dwell", value=-1.0), "the value -1.0"),
        (event(1, slate_id=None), "signed and names no slate"),
    ],
)
def test_an_event_that_cannot_be_worth_anything_is_refused(wrong: Interaction, said: str) -> None:
    with pytest.raises(BadRecordError, match=f"'e1'.*{said}"):
        check(wrong)


@pytest.mark.parametrize(
    "right",
    [event(1), event(1, "rating", value=5.0), event(1, "rating", value=1), event(1, signed=False, slate_id=None),
     event(1, "dwell", value=0.0), event(1, value="whatever")],
)  # fmt: skip
def test_an_event_that_can_is_not(right: Interaction) -> None:
    assert check(right) is right


def test_a_person_moves_so_much_a_day_and_no_more_over_all_items() -> None:
    most = 2 * PERSON_CAPS
    events = [event(number, item_id=f"g{number}") for number in range(most + 3)]
    assert outcomes(events, cap=2) == ["applied"] * most + ["capped"] * 3
