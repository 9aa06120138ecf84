"""How well a gem fits the hour, the weather and the way there, each 0 to 1."""

import math
from collections.abc import Mapping
from typing import Any

from hidden_gems.catalogue.hours import open_at
from hidden_gems.datasets.contract import TIMES_OF_DAY
from hidden_gems.features.item_table import SETTING_OUTDOORS
from hidden_gems.features.raw import weather_severity
from hidden_gems.features.request import RequestContext

FAR_MINUTES = 30.0
"""Minutes of travel at which the fit of the distance has fallen to 1/e."""


def context_alignment(
    item: Mapping[str, Any], context: RequestContext, time_of_day: str | None, minutes: float
) -> dict[str, float]:
    """The fits that are known; a part that nobody knows is left out.

    Time: 1 at the gem's best time, 0.5 at the times beside it, 0.25 else; 0 while it is closed by its opening hours.
    Weather: 1 in clear weather and for what is indoors, less the worse it is and the more of the gem is outside.
    Distance: exp(-minutes / 30).

    Args:
        item: Row of the item table.
        context: When and in which weather.
        time_of_day: Word of the vocabulary, None where times are only an order.
        minutes: Of travel, NaN where unknown.

    Examples:
        >>> at = RequestContext(1_777_905_000, "Europe/Istanbul", weather="storm")
        >>> context_alignment({"best_time": "morning", "setting": "outdoor"}, at, "afternoon", 30.0)
        {'time': 0.5, 'weather': 0.0, 'distance': 0.368}
    """
    parts = {
        "time": _time(item, context, time_of_day),
        "weather": _weather(item, context),
        "distance": None if math.isnan(minutes) else math.exp(-minutes / FAR_MINUTES),
    }
    return {name: round(value, 3) for name, value in parts.items() if value is not None}


def _time(item: Mapping[str, Any], context: RequestContext, time_of_day: str | None) -> float | None:
    if time_of_day is None:
        return None
    if open_at(item.get("opening_hours"), context.timestamp, context.timezone) is False:
        return 0.0
    best = item.get("best_time")
    if best not in TIMES_OF_DAY:
        return None
    apart = abs(TIMES_OF_DAY.index(best) - TIMES_OF_DAY.index(time_of_day))
    return {0: 1.0, 1: 0.5, 3: 0.5}.get(apart, 0.25)  # night and morning are neighbours


def _weather(item: Mapping[str, Any], context: RequestContext) -> float | None:
    outdoors = SETTING_OUTDOORS.get(item.get("setting") or "")
    severity = float(weather_severity([context.weather])[0])
    return None if outdoors is None or math.isnan(severity) else 1.0 - outdoors * severity
