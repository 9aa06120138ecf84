"""Which time it is in a stack: that of the machine, or, on data that ended long ago, the time where they end."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hidden_gems.cli.options import Places
from hidden_gems.core.clock import DAY_SECONDS, ORDER_ONLY_BELOW, clock_from
from hidden_gems.core.errors import ReleaseError

RATE = 1
_KEPT = "clock"
_UNNOTED_SECONDS = 2.0
"""What may have passed after the last note."""


@dataclass(frozen=True)
class StackClock:
    """Clock of all processes of a stack.

    The file is touched while the stack runs, so that the next one goes on where this one ended: time in the store
    never runs backwards.
    """

    setting: str = ""  # GEMS_CLOCK; empty for the machine's own
    kept: Path | None = None  # holds the setting; its modification time is when it was last told

    def now(self) -> float:
        """Epoch seconds, or an order."""
        return clock_from(self.setting).now()

    def about(self) -> str:
        """Sentence for people, empty where nothing needs to be said."""
        if not self.setting:
            return ""
        now = self.now()
        if now < ORDER_ONLY_BELOW:
            return f"The data know an order only, no times: the clock of the stack stands at {now:.0f} and counts on."
        return f"The data end long ago, so it is {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC in this stack."

    def keep(self) -> None:
        """Note that this much time has passed."""
        if self.kept is not None:
            self.kept.parent.mkdir(parents=True, exist_ok=True)
            draft = self.kept.with_name(f".{_KEPT}")
            draft.write_text(self.setting + "\n")
            draft.replace(self.kept)


def stack_clock(places: Places, wall: float | None = None) -> StackClock:
    """Clock for a stack on a dataset, from the moment as of which its features were materialized.

    Args:
        places: Of the dataset.
        wall: Epoch seconds on the machine's clock; now by default.

    Raises:
        ReleaseError: If nothing was materialized.
    """
    wall = time.time() if wall is None else wall
    now = materialized_at(places.feast)
    if abs(wall - now) <= DAY_SECONDS:
        return StackClock()
    kept = places.redis / _KEPT
    return StackClock(f"{max(now, _told(kept)):.3f},{RATE},{wall:.3f}", kept)


def materialized_at(feast: Path) -> int:
    """The second, or the order, as of which everyone's rows were counted.

    Raises:
        ReleaseError: If there are none.
    """
    import pyarrow.parquet as pq

    path = feast / "user_rows.parquet"
    if not path.is_file():
        raise ReleaseError(f"{path} is not there: the features were never materialized; `gems train` does it")
    [moment] = pq.read_table(path, columns=["event_timestamp"]).column(0).slice(0, 1).to_pylist()
    return int(moment.timestamp())


def _told(kept: Path) -> float:
    """The last moment that an earlier stack on the same store told, 0 where there was none."""
    try:
        start, rate, origin = (float(part) for part in kept.read_text().split(","))
    except FileNotFoundError:
        return 0.0
    return start + rate * (kept.stat().st_mtime - origin) + _UNNOTED_SECONDS
