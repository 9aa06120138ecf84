"""People who are none, and want a gem to be shown to everybody."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from hidden_gems.benchmark.loop_learner import LoopLearner
from hidden_gems.events.kinds import EventType
from hidden_gems.events.records import Interaction
from hidden_gems.simulation.policy import Request as Asked

if TYPE_CHECKING:
    from hidden_gems.benchmark.closed_loop import Guide

FORGED_CLICKS = 20
"""Clicks without a valid token that a bot sends in a day (D31)."""
CLICK: dict[EventType, float | None] = {"click": None}
PRAISE = CLICK | {"dwell": 120.0, "save": None, "share": None, "visit": None, "rating": 5.0}
"""Everything that can be said for a gem that was shown, with its value."""


@dataclass
class Bots:
    """A ring of bots that live beside the people of a city; their draws move nobody else's.

    They ask from where and when people ask. Bots that are shown their gem praise it, with the token of the impression;
    forgers ask for nothing and send clicks without one.

    Args:
        names: Pseudonyms.
        target: Item id of the gem.
        slates_a_day: That each of them asks for; 0 for forgers.
        seed: Of their draws.
        praise: What they say for the gem, with the value of each.
    """

    names: list[str]
    target: str
    slates_a_day: int
    seed: int
    praise: Mapping[EventType, float | None] = field(default_factory=lambda: CLICK)
    shown: Counter[str] = field(default_factory=Counter, init=False)  # slates, and those with the gem

    def __post_init__(self) -> None:
        self._random = np.random.default_rng([self.seed, 9])
        self._day, self._left = -1, 0

    def act(self, guide: "Guide", asked: Asked) -> None:
        """Do what is to be done while these people ask."""
        if guide.learner is None:
            return
        if guide.city.day != self._day:
            self._day, self._left = guide.city.day, self.slates_a_day
            if not self.slates_a_day:
                guide.learner.hear(self._forged(float(asked.context.timestamp[0])))
        if self._left:
            self._left -= 1
            for name in self.names:
                self._ask(guide, guide.learner, asked, name)

    def _ask(self, guide: "Guide", learner: LoopLearner, asked: Asked, name: str) -> None:
        request = replace(guide.request(asked, int(self._random.integers(len(asked.users)))), user_id=name)
        person = guide.person(request)
        answer = guide.answer(person, request, self._random)
        slate_id = f"bot-slate-{self.shown['slates']:07d}"
        slate = guide.slate_of(answer, request, person, slate_id)
        at = slate.timestamp
        self.shown["slates"] += 1
        learner.hear([slate])
        for place in slate.places:
            if place.item_id == self.target:
                self.shown["target"] += 1
                learner.hear(
                    Interaction(
                        event_id=f"{slate_id}-{place.position}-{kind}",
                        user_id=name,
                        item_id=place.item_id,
                        event_type=kind,
                        timestamp=at + 5.0,
                        received=at + 5.0,
                        value=value,
                        slate_id=slate_id,
                        position=place.position,
                        signed=True,
                    )
                    for kind, value in self.praise.items()
                )

    def _forged(self, at: float) -> Iterator[Interaction]:
        for name, number in product(self.names, range(FORGED_CLICKS)):
            event_id = f"forged-{self._day}-{name}-{number}"
            yield Interaction(event_id, name, self.target, "click", at + number, at + number, slate_id=event_id)
