"""D07: what somebody dismissed is out of their next answers, with a learner and without."""

import os
import signal
import time

from tests.drills.report import Drill, Finding, quantile
from tests.stacks import RunningStack

PEOPLE, ABSENT_SECONDS, PATIENCE_SECONDS = 500, 1.0, 10.0


def dismissed(stack: RunningStack, found: Finding) -> None:
    """500 people dismiss the first gem of their slate; then 500 others, while the learner is dead."""
    learner = stack.stack.supervisor
    for name, others in (("learner lives", False), ("learner dead", True)):
        if others:
            os.kill(learner.pid("learner"), signal.SIGKILL)
            learner.end("learner")
        seconds, back = [], 0
        for number in range(PEOPLE):
            person = f"D07-{name}-{number}"
            slate = stack.client.recommend(person, limit=5, explain="none")
            gem = slate.items[0].item_id
            taken = stack.client.feedback("dismiss", slate, gem)
            assert taken.accepted == 1, taken
            seconds.append(_absent_after(stack, person, gem))
            back += _offered(stack, person, gem)
        found.most(f"{name}: dismissed gem absent, p99 of {PEOPLE}", ABSENT_SECONDS, quantile(seconds, 0.99))
        found.same(f"{name}: it came back", 0, back)
    learner.start("learner")
    learner.await_ready(["learner"])


def _absent_after(stack: RunningStack, person: str, gem: str) -> float:
    began = time.monotonic()
    while _offered(stack, person, gem) and time.monotonic() - began < PATIENCE_SECONDS:
        time.sleep(0.01)
    return time.monotonic() - began


def _offered(stack: RunningStack, person: str, gem: str) -> bool:
    slate = stack.client.recommend(person, limit=50, explain="none")
    return any(item.item_id == gem for item in slate.items)


DRILLS = (Drill("D07", "500 dismissals; 500 more with a dead learner", dismissed),)
