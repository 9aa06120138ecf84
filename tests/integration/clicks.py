"""Clicks through the stack, and how long until an answer knows them."""

import time
from collections.abc import Callable

from hidden_gems.client import Prediction
from tests.stacks import RunningStack


def offered(stack: RunningStack, person: str, gem: str) -> bool:
    """Whether the gem may still be the person's: what they liked is not offered again."""
    return bool(stack.client.recommend(person, limit=1, filters={"candidates": [gem]}, explain="none").items)


def seconds_until(condition: Callable[[], bool]) -> float:
    began = time.perf_counter()
    while not condition():
        assert time.perf_counter() - began < 30
        time.sleep(0.01)
    return time.perf_counter() - began


def clicked(stack: RunningStack, person: str, slate: Prediction, position: int = 0) -> str:
    gem = slate.items[position].item_id
    taken = stack.client.feedback("click", slate, gem)
    assert (taken.accepted, taken.unsigned, taken.duplicates, taken.rejected) == (1, 0, 0, ())
    return gem


def click_seconds(stack: RunningStack, tries: int) -> list[float]:
    """Seconds from the collector's answer to the first answer that knows the click, one a try, people in turn."""
    people, seconds = stack.people[10:], []
    for number in range(tries):
        person = people[number % len(people)]
        gem = clicked(stack, person, stack.client.recommend(person, limit=3, explain="none"))
        seconds.append(seconds_until(lambda: not offered(stack, person, gem)))  # noqa: B023
    return seconds
