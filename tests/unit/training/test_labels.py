import numpy as np
import pandas as pd
import pytest

from hidden_gems.core.clock import DAY_SECONDS, HOUR_SECONDS
from hidden_gems.training.labels import LONGEST_WINDOW_SECONDS, impression_labels, interaction_labels

START = 1_777_852_800
LATER = START + 30 * DAY_SECONDS


def shown(*rows: tuple[str, str, int]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["slate_id", "item_id", "timestamp"])
    return table.assign(user_id="u", timestamp=table["timestamp"] + START)


def answered(*rows: tuple[object, ...]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["slate_id", "item_id", "event_type", "value", "timestamp"])
    table = table.astype({"value": float})
    return table.assign(user_id="u", timestamp=table["timestamp"] + START)


def labels(impressions: pd.DataFrame, interactions: pd.DataFrame, end: int = LATER, **kwargs: int) -> list[int]:
    return impression_labels(impressions, interactions, end, **kwargs).label.tolist()


@pytest.mark.parametrize(
    ("kind", "value", "window", "label"),
    [
        ("view", np.nan, HOUR_SECONDS // 2, 1),
        ("click", np.nan, HOUR_SECONDS // 2, 2),
        ("dwell", 90.0, HOUR_SECONDS, 3),
        ("save", np.nan, DAY_SECONDS, 4),
        ("share", np.nan, DAY_SECONDS, 4),
        ("visit", np.nan, 7 * DAY_SECONDS, 5),
        ("rating", 3.0, 7 * DAY_SECONDS, 3),
    ],
)
def test_each_type_counts_to_the_last_second_of_its_window(kind: str, value: float, window: int, label: int) -> None:
    slate = shown(("s", "g", 0))
    for quote in ("s", None):
        assert labels(slate, answered((quote, "g", kind, value, 0))) == [label]
        assert labels(slate, answered((quote, "g", kind, value, window))) == [label]
        assert labels(slate, answered((quote, "g", kind, value, window + 1))) == [0]
        assert labels(slate, answered((quote, "g", kind, value, -1))) == [0]


def test_the_highest_label_is_kept_and_refusals_earn_nothing() -> None:
    slate = shown(("s", "a", 0), ("s", "b", 0), ("s", "c", 0))
    events = answered(
        ("s", "a", "click", np.nan, 5), ("s", "a", "save", np.nan, 9), ("s", "a", "click", np.nan, 12),
        ("s", "b", "skip", np.nan, 5), ("s", "b", "dismiss", np.nan, 6),
    )  # fmt: skip
    assert labels(slate, events) == [4, 0, 0]


def test_a_quoted_slate_gets_the_answer_and_no_other() -> None:
    slates = shown(("early", "g", 0), ("late", "g", 100))
    assert labels(slates, answered(("early", "g", "click", np.nan, 200))) == [2, 0]
    assert labels(slates, answered((None, "g", "click", np.nan, 200))) == [0, 2]
    assert labels(slates, answered((None, "g", "click", np.nan, 99))) == [2, 0]
    assert labels(slates, answered(("other", "g", "click", np.nan, 200))) == [0, 0]
    assert labels(slates, answered((None, "h", "click", np.nan, 200))) == [0, 0]


def test_another_person_answers_nothing() -> None:
    events = answered(("s", "g", "click", np.nan, 1), (None, "g", "click", np.nan, 1)).assign(user_id="v")
    assert labels(shown(("s", "g", 0)), events) == [0]


def test_rows_may_come_in_any_order() -> None:
    slates = shown(("b", "g", 50), ("a", "h", 0), ("c", "g", 0))
    events = answered((None, "g", "visit", np.nan, 60), (None, "h", "click", np.nan, 3))
    assert labels(slates, events) == [5, 2, 0]


def test_what_comes_at_the_end_is_not_known_yet() -> None:
    slate, events = shown(("s", "g", 0)), answered(("s", "g", "click", np.nan, 10))
    assert labels(slate, events, end=START + 10) == [0]
    assert labels(slate, events, end=START + 11) == [2]


def test_a_label_is_final_when_its_longest_window_is_over_or_nothing_can_raise_it() -> None:
    assert LONGEST_WINDOW_SECONDS == 7 * DAY_SECONDS
    slate = shown(("s", "a", 0), ("s", "b", 0))
    events = answered(("s", "a", "visit", np.nan, 5), ("s", "b", "save", np.nan, 5))
    open_ = impression_labels(slate, events, START + LONGEST_WINDOW_SECONDS)
    assert open_.final.tolist() == [True, False]
    over = impression_labels(slate, events, START + LONGEST_WINDOW_SECONDS + 1)
    assert over.final.tolist() == [True, True]


def test_a_shorter_longest_window_holds_for_all_types() -> None:
    slate = shown(("s", "g", 0))
    visit = answered(("s", "g", "visit", np.nan, HOUR_SECONDS + 1), ("s", "g", "click", np.nan, 60))
    assert labels(slate, visit, longest_window=HOUR_SECONDS) == [2]
    assert labels(slate, visit, longest_window=HOUR_SECONDS + 1) == [5]
    found = impression_labels(slate, visit, START + HOUR_SECONDS + 1, longest_window=HOUR_SECONDS)
    assert found.final.tolist() == [True]


def test_labels_of_interactions_by_value() -> None:
    events = answered(
        (None, "g", "rating", 5.0, 0), (None, "g", "rating", 2.0, 0), (None, "g", "dwell", 30.0, 0),
        (None, "g", "dwell", np.nan, 0), (None, "g", "visit", 0.3, 0), (None, "g", "impression", np.nan, 0),
    )  # fmt: skip
    assert interaction_labels(events).tolist() == [5, 0, 2, 1, 5, 0]


def test_nothing_shown_or_nothing_answered_is_no_crash() -> None:
    nothing = impression_labels(shown(("s", "g", 0))[:0], answered(("s", "g", "click", np.nan, 1)), LATER)
    assert len(nothing.label) == len(nothing.final) == 0
    assert labels(shown(("s", "g", 0)), answered(("s", "g", "click", np.nan, 1))[:0]) == [0]
