"""Whether models that move still earn more than the release alone: the rewards of both in a sliding window."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.assignment import VARIANTS
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.events.kinds import EventType, label_of
from hidden_gems.events.records import Slate
from hidden_gems.online.admission import Admitted

LOOKS = 24
"""Verdicts a window."""
BOUND = 3.0
"""Standard errors by which online must be below: 1 % of all windows of equal variants have one such look among 24.

A single look would need 2.33; the largest of 24 looks at a mean that slides by one 24th each needs 2.98 (simulated).
"""
CLICK_LABEL = label_of("click")
_AHEAD_SECONDS = 300.0
_MOST_SLATES = 200_000

Floats = NDArray[np.float64]
Verdict = Literal["not watched", "filling", "good", "unclear", "below"]
"""No static slates · too few of either · online earns no less · less, perhaps by chance · less beyond chance."""
VERDICTS: tuple[Verdict, ...] = ("not watched", "filling", "good", "unclear", "below")


@dataclass(frozen=True)
class Side:
    """One variant in the window."""

    slates: int
    people: int
    reward: float  # mean of a slate
    error: float  # standard error of that mean, people being the clusters
    ctr: float  # share of places answered by a click or better
    answered: float  # share of slates with any feedback


@dataclass(frozen=True)
class Comparison:
    """Both variants at a moment."""

    at: float  # epoch seconds
    verdict: Verdict
    sides: Mapping[str, Side] = field(default_factory=dict)  # by variant, where it has slates
    difference: float = 0.0  # online - static, reward a slate; 0 where it is not judged
    error: float = 0.0  # standard error of the difference

    @property
    def highest(self) -> float:
        """What the difference could be, see `BOUND`."""
        return self.difference + BOUND * self.error


@dataclass(slots=True)
class _Seen:
    at: float  # epoch seconds
    person: str  # pseudonym
    variant: str
    version: int  # of the state that answered
    places: int
    reward: float = 0.0
    clicked: set[str] = field(default_factory=set)  # items
    answered: bool = False


@dataclass
class RewardWatch:
    """Follow what slates of both variants earn.

    A slate counts from when it was shown until the window has passed it, with all that counted for it up to now: late
    rewards lack on both sides alike. The difference is normal to a good approximation, for it is one of means over many
    people; the error of a mean comes from the sums of each person (a ratio of two sums, linearised).

    Args:
        window_seconds: Of event time before the moment of a look.
        least_slates: Slates that each variant needs before it is judged.
        least_people: People likewise.

    Source:
        Cochran (1977), Sampling Techniques, chapter 6, for the error of a ratio.
    """

    window_seconds: float = DAY_SECONDS
    least_slates: int = 200
    least_people: int = 30
    _seen: dict[str, _Seen] = field(default_factory=dict, init=False, repr=False)  # by slate id
    _least_version: int = field(default=0, init=False)

    def show(self, slates: Iterable[Slate], now: float) -> None:
        """Take slates, each once; who is in no variant, and what names another time than about now, is left out."""
        for slate in slates:
            stale = slate.variant == "online" and slate.state_version < self._least_version
            about_now = now - self.window_seconds < slate.timestamp <= now + _AHEAD_SECONDS
            if slate.user_id and slate.variant in VARIANTS and about_now and not stale:
                at = min(slate.timestamp, now)
                self._seen[slate.slate_id] = _Seen(
                    at, slate.user_id, slate.variant, slate.state_version, len(slate.places)
                )

    def tell(self, admitted: Sequence[Admitted]) -> None:
        """Take feedback that counted."""
        for event, reward in admitted:
            seen = self._seen.get(event.slate_id or "")
            if seen is not None:
                seen.reward += reward
                seen.answered = True
                if label_of(cast(EventType, event.event_type), event.value) >= CLICK_LABEL:
                    seen.clicked.add(event.item_id)

    def forget(self, people: Iterable[str]) -> None:
        """Drop what these people were shown."""
        gone = set(people)
        if gone:
            self._seen = {name: seen for name, seen in self._seen.items() if seen.person not in gone}

    def compare(self, now: float) -> Comparison:
        """Judge the window before a moment; what is older is dropped, and the oldest where there is too much."""
        kept = [(name, seen) for name, seen in self._seen.items() if seen.at > now - self.window_seconds]
        kept.sort(key=lambda pair: pair[1].at)
        self._seen = dict(kept[-_MOST_SLATES:])
        found = {name: [seen for seen in self._seen.values() if seen.variant == name] for name in VARIANTS}
        sides = {name: _side(seen) for name, seen in found.items() if seen}
        if "static" not in sides:
            return Comparison(now, "not watched", sides)
        if len(sides) < len(VARIANTS) or any(map(self._short, sides.values())):
            return Comparison(now, "filling", sides)
        online, static = sides["online"], sides["static"]
        difference = online.reward - static.reward
        error = float(np.hypot(online.error, static.error))
        below = difference + BOUND * error < 0
        return Comparison(now, "below" if below else "good" if difference >= 0 else "unclear", sides, difference, error)

    def led(self) -> int:
        """The newest version that surely answered before online fell behind.

        Each side's rewards are added up over the window as shares of its slates, so that hours at which everybody gives
        more feedback weigh on both sides alike. From the largest running difference on, online earned less; it is taken
        to have begun at the first slate that is within one standard error of that: to go back too far costs learning,
        not far enough keeps the harm.

        Returns:
            The version before all that answered, where online led at no time of the window.

        Source:
            Hinkley (1970), Inference about the Change-Point in a Sequence of Random Variables.
        """
        seen = sorted(self._seen.values(), key=lambda each: each.at)
        online = np.array([each.variant == "online" for each in seen], dtype=bool)
        reward = np.array([each.reward for each in seen])
        part = np.where(online, reward / max(1, online.sum()), -reward / max(1, (~online).sum()))
        running = np.concatenate([[0.0], np.cumsum(part)])
        parts = [[each for each in seen if each.variant == name] for name in VARIANTS]
        error = float(np.linalg.norm([_side(part).error for part in parts if part]))
        turned = int(np.argmax(running >= running.max() - error))
        versions = [each.version for each in seen[:turned] if each.variant == "online"]
        first = min((each.version for each in seen if each.variant == "online"), default=1)
        return max(versions, default=first - 1)

    def start_again(self, version: int) -> None:
        """Fill a fresh window, with slates of this state version or newer ones."""
        self._seen, self._least_version = {}, version

    def _short(self, side: Side) -> bool:
        return side.slates < self.least_slates or side.people < self.least_people


def _side(seen: Sequence[_Seen]) -> Side:
    """Means of one variant; not of nobody."""
    rows = {person: row for row, person in enumerate(dict.fromkeys(each.person for each in seen))}
    person = np.array([rows[each.person] for each in seen])
    reward = np.array([each.reward for each in seen])
    slates, people = len(seen), len(rows)
    mean = float(reward.mean())
    off = np.bincount(person, weights=reward - mean, minlength=people)
    error = float(np.sqrt(people / max(1, people - 1) * (off**2).sum())) / slates
    return Side(
        slates=slates,
        people=people,
        reward=mean,
        error=error,
        ctr=sum(len(each.clicked) for each in seen) / max(1, sum(each.places for each in seen)),
        answered=sum(each.answered for each in seen) / slates,
    )
