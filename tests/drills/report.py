"""What a drill found: measured figures beside what was promised."""

import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.slowness import slowness


@dataclass(frozen=True)
class Measure:
    """One figure, and what it was to be."""

    promise: str
    wanted: str
    found: str
    kept: bool


@dataclass
class Finding:
    """Everything about one run of a drill."""

    drill: str
    injected: str
    seed: int
    measures: list[Measure] = field(default_factory=list)
    seconds: float = 0.0
    load: float = 0.0  # of the machine, mean of the last minute, when it ended
    error: str = ""

    @property
    def kept(self) -> bool:
        """Whether it ran to its end and every promise was kept."""
        return not self.error and bool(self.measures) and all(each.kept for each in self.measures)

    def same(self, promise: str, wanted: object, found: object) -> None:
        """Something that must be exactly so."""
        self.measures.append(Measure(promise, str(wanted), str(found), wanted == found))

    def most(self, promise: str, limit: float, found: float, unit: str = "s") -> None:
        """Something that may not be more."""
        self.measures.append(Measure(promise, f"<= {limit:g} {unit}", f"{found:.3g} {unit}", found <= limit))

    def work(self, promise: str, limit: float, found: float) -> None:
        """Seconds of work: the limit is of an ordinary core, and grows with this one's slowness."""
        times = slowness()
        self.measures.append(
            Measure(promise, f"<= {limit:g} s x {times:.1f} (slow core)", f"{found:.3g} s", found <= limit * times)
        )

    def least(self, promise: str, limit: float, found: float, unit: str = "") -> None:
        """Something that may not be less: most of all that the fault was there."""
        self.measures.append(Measure(promise, f">= {limit:g} {unit}", f"{found:.4g} {unit}", found >= limit))

    def to_dict(self) -> dict[str, Any]:
        """For the report."""
        return {"verdict": "kept" if self.kept else "broken"} | asdict(self)


@dataclass(frozen=True)
class Drill:
    """A fault, and a function that does it and measures."""

    name: str  # as D05
    injected: str
    run: Callable[[Any, Finding], None]  # takes the bench of its group
    learns: bool = False  # with one learner at work from its beginning to its end

    def __call__(self, bench: Any, seed: int) -> Finding:
        """Run it; what it raises is a broken promise like any other, and ends no other drill."""
        found = Finding(self.name, self.injected, seed)
        began = time.monotonic()
        try:
            with bench.learning() if self.learns else nullcontext():
                self.run(bench, found)
        except Exception as error:
            found.error = f"{type(error).__name__}: {error}"
        found.load = round(os.getloadavg()[0], 1)
        found.seconds = round(time.monotonic() - began, 1)
        return found


def quantile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed; infinite where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("inf")
