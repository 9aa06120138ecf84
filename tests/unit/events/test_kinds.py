"""The table of the contract, section 2, cell by cell."""

import pytest

from hidden_gems.events.kinds import (
    ALIASES,
    CONVERSIONS,
    KINDS,
    LONG_DWELL_SECONDS,
    MAX_DWELL_SECONDS,
    MAX_LABEL,
    EventType,
    label_of,
    reward_of,
)

MINUTE, HOUR, DAY = 60, 3600, 86_400

CONTRACT = [  # reward and label without a value, and how long a label may still come
    ("impression", 0.0, 0, 0),
    ("shown", 0.0, 0, 0),
    ("view", 0.1, 1, 30 * MINUTE),
    ("click", 0.3, 2, 30 * MINUTE),
    ("dwell", 0.0, 1, HOUR),
    ("save", 0.7, 4, 24 * HOUR),
    ("share", 0.8, 4, 24 * HOUR),
    ("visit", 1.0, 5, 7 * DAY),
    ("rating", 0.0, 0, 7 * DAY),
    ("skip", -0.1, 0, 30 * MINUTE),
    ("dismiss", -0.5, 0, 30 * MINUTE),
    ("relevance_rating", 0.0, 0, 0),
    ("explanation_rating", 0.0, 0, 0),
    ("trust_answer", 0.0, 0, 0),
]


def test_every_kind_is_in_the_contract() -> None:
    assert [name for name, *_ in CONTRACT] == list(KINDS)


@pytest.mark.parametrize(("name", "reward", "label", "window"), CONTRACT)
def test_reward_label_and_window(name: EventType, reward: float, label: int, window: int) -> None:
    assert reward_of(name) == reward
    assert label_of(name) == label
    assert KINDS[name].window_seconds == window


def test_values_have_their_ranges() -> None:
    ranges = {name: (kind.low, kind.high) for name, kind in KINDS.items() if kind.needs_value}
    assert ranges == {
        "dwell": (0.0, float("inf")),
        "rating": (1.0, 5.0),
        "relevance_rating": (1.0, 5.0),
        "explanation_rating": (1.0, 5.0),
        "trust_answer": (0.0, 1.0),
    }
    assert (KINDS["view"].low, KINDS["view"].high) == (0.0, 1.0)  # a value there is the depth of the scroll


def test_what_is_shown_or_said_about_the_product_is_no_feedback() -> None:
    silent = {name for name, kind in KINDS.items() if not kind.feedback}
    assert silent == {"impression", "shown", "relevance_rating", "explanation_rating", "trust_answer"}


@pytest.mark.parametrize(("stars", "reward", "label"), [(1, 0, 0), (2, 0.25, 0), (3, 0.5, 3), (4, 0.75, 4), (5, 1, 5)])
def test_ratings(stars: int, reward: float, label: int) -> None:
    assert reward_of("rating", stars) == reward
    assert label_of("rating", stars) == label
    assert label_of("rating", stars + 0.4) == label


@pytest.mark.parametrize(
    ("seconds", "reward", "label"),
    [
        (0, 0, 1),
        (29.9, 29.9 / 240, 1),
        (30, 0.125, 2),
        (59.9, 59.9 / 240, 2),
        (60, 0.25, 3),
        (120, 0.5, 3),
        (900, 0.5, 3),
    ],
)
def test_dwell(seconds: float, reward: float, label: int) -> None:
    assert reward_of("dwell", seconds) == pytest.approx(reward)
    assert label_of("dwell", seconds) == label


def test_a_value_of_another_kind_changes_nothing() -> None:
    assert reward_of("view", 0.8) == 0.1
    assert label_of("view", 0.8) == 1


def test_words_and_limits() -> None:
    assert ALIASES == {"like": "save", "favourite": "save", "dislike": "dismiss", "scroll": "view"}
    assert {"save", "share", "visit"} == CONVERSIONS
    assert max(label_of(name) for name in KINDS) == MAX_LABEL
    assert (LONG_DWELL_SECONDS, MAX_DWELL_SECONDS) == (60.0, 3600.0)
