"""Is a confidence what it says? Pairs of what a person came to after the release and what they did not come to.

One of two candidates is what somebody came to for the first time; how often is it the one that the utilities prefer?
Half of the people fit the curve from utilities to a probability, the other half judge it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.benchmark.funnel import weighed
from hidden_gems.benchmark.opened import Opened
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.evaluation.calibration import Bins
from hidden_gems.features.request import RequestContext
from hidden_gems.recommend.certainty import Certainty
from hidden_gems.recommend.request import Request

DAYS = 7
"""How long after the release a choice may come: its rows are those of its day."""
PEOPLE = 200
_COLUMNS = ("user_id", "item_id", "timestamp", "weather", "temperature_c", "mood")


@dataclass(frozen=True)
class Pairs:
    """P pairs: a gem somebody came to, and a candidate they did not come to.

    `apart` and `width` are of the difference of their utilities, P; `person` numbers the B people, P.
    """

    apart: NDArray[np.float64]
    width: NDArray[np.float64]
    person: NDArray[np.int64]
    people: int

    @classmethod
    def of(cls, opened: Opened, fits: bool, most: int = PEOPLE, seed: int = 0) -> "Pairs":
        """Pairs of one half of the people.

        Args:
            opened: A release.
            fits: The half that a curve is fitted to, or else the half that judges it.
            most: People.
            seed: Of their choice.
        """
        chosen = [row for row in _first_choices(opened) if (crc32(str(row["user_id"]).encode()) % 2 == 0) is fits]
        kept = np.random.default_rng(seed).permutation(len(chosen))[:most]
        parts = [part for number in sorted(kept.tolist()) if (part := _apart(opened, chosen[number])) is not None]
        apart, width = (np.concatenate([part[n] for part in parts]) if parts else np.zeros(0) for n in (0, 1))
        sizes = [len(part[0]) for part in parts]
        return cls(apart, width, np.repeat(np.arange(len(parts)), sizes), len(parts))

    def fitted(self) -> Certainty:
        """The curve that makes them most likely; every person weighs the same."""
        weight = 1.0 / np.bincount(self.person, minlength=self.people)[self.person] if self.people else np.zeros(0)
        return Certainty.fit(self.apart, self.width, weight, self.people)

    def bins(self, certainty: Certainty) -> Bins:
        """What was said of either gem of each pair, beside how often it was the one."""
        said = certainty.chance(self.apart, self.width)
        return Bins.of(np.stack([said, 1.0 - said], axis=1), self.person, np.arange(self.people))


def _first_choices(opened: Opened) -> Iterator[dict[str, Any]]:
    """The first event after the release by which each person came to a gem that was new to them."""
    at = opened.release.at
    end = None if opened.dataset.about.order_only else at + DAYS * DAY_SECONDS
    table = opened.dataset.between(at, end).interactions
    met: set[str] = set()
    for row in table.loc[table["reward"] > 0, table.columns.isin(_COLUMNS)].to_dict("records"):
        name = str(row["user_id"])
        known = opened.release.users.get(name)
        if name not in met and not (known and row["item_id"] in known.own):
            met.add(name)
            yield {str(key): None if pd.isna(value) else value for key, value in row.items()}


def _apart(opened: Opened, event: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Utility of the gem minus that of each other candidate, and the standard deviations; None where it is unknown."""
    about, world = opened.dataset.about, opened.world
    [row] = world.items.index.rows([event["item_id"]])
    context = RequestContext(
        timestamp=int(event["timestamp"]),
        timezone=about.timezone,
        weather=event.get("weather"),
        temperature_c=event.get("temperature_c"),
        order_only=about.order_only,
    )
    request = Request(str(event["user_id"]), context, mood=event.get("mood"))
    if not row or world.items.closed(context.timestamp)[row]:
        return None
    answer = weighed(opened.release, world, opened.person(request.user_id), request, int(row))
    place, drawn_from = answer.found.item_ids.index(event["item_id"]), answer.utilities
    others = np.delete(np.arange(len(answer.found.rows)), place)
    width = np.sqrt(drawn_from.spread[place] ** 2 + drawn_from.spread[others] ** 2)
    return drawn_from.mean[place] - drawn_from.mean[others], width
