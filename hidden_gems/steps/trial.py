"""Trials of learning in a simulated city: arms against each other, and bots against the guard; all of it simulated.

Protocol. A city lives `history` days under its logging policy; a release is trained on that log. Then every arm lives
the same following days from the same state of the city. People arrive all the time. In the middle of those days half
of the people trade their two favourite types of place for their two least liked ones (`DriftParameters.swap_day`, a
knob of the simulator); no other number of the frozen city is touched.
"""

import copy
import dataclasses
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from hidden_gems.benchmark.arrivals import Arrivals
from hidden_gems.benchmark.bots import CLICK, PRAISE, Bots
from hidden_gems.benchmark.closed_loop import ARMS, Guide
from hidden_gems.benchmark.greedy import EpsilonGreedy
from hidden_gems.benchmark.loop_figures import daily, targeted, with_returns
from hidden_gems.benchmark.loop_release import TrialRelease
from hidden_gems.core.clock import DAY_SECONDS, HOUR_SECONDS, SimulatedClock
from hidden_gems.core.errors import BadInputError
from hidden_gems.events.kinds import EventType, reward_of
from hidden_gems.online.votes import Votes
from hidden_gems.simulation.city import City
from hidden_gems.simulation.log import DayLog
from hidden_gems.simulation.parameters import PARAMETERS, DriftParameters
from hidden_gems.simulation.policy import Oracle, Policy, Popular, Uniform
from hidden_gems.steps.trial_release import PSEUDONYMS, live_logged, opened, train

LOGGED, EPSILON = "logged", "epsilon"
_KNOWN: Mapping[str, Callable[[City], Policy]] = {
    LOGGED: lambda city: city.logging_policy,
    "random": lambda city: Uniform(),
    "popular": lambda city: Popular(),
    "oracle": lambda city: Oracle(city.truth),
}
"""Arms that learn nothing and serve no release."""
EVERY_ARM = (*_KNOWN, EPSILON, *ARMS)
Progress = Callable[[str, int], None]
"""Told what is lived, and how many days of it are over."""


@dataclass(frozen=True)
class TrialConfig:
    """Sizes of a trial."""

    people: int = 600  # who are ever in the city
    days: int = 14  # that the arms live
    history: int = 30  # days before, under the logging policy
    deep: tuple[str, ...] = ()  # models of the served graph; none leaves neighbours and trees
    drift: bool = True  # tastes change in the middle
    guard: bool = True  # praise of strangers counts as far as a gem's usual praise goes

    def city(self, seed: int) -> City:
        """A fresh city of a seed."""
        swap = DriftParameters(swap_day=self.history + self.days // 2) if self.drift else DriftParameters()
        return City(dataclasses.replace(PARAMETERS, drift=swap), seed, self.people, self.history + self.days)


@dataclass(frozen=True)
class Attack:
    """Bots that praise a gem which hardly anybody likes."""

    name: str
    share: float  # bots to a person
    slates_a_day: int  # that each asks for; 0 for forged clicks
    praise: Mapping[EventType, float | None] = field(default_factory=lambda: CLICK)
    choosy: bool = False  # they ask for the gem's type and neighborhood alone

    def bots(self, trial: "Trial", target: str) -> Bots:
        """The ring in a city."""
        count = max(1, round(self.share * trial.config.people))
        names = [PSEUDONYMS.of(f"bot-{number}") for number in range(count)]
        return Bots(names, target, self.slates_a_day, trial.seed, self.praise, self.choosy)


_RINGS = (
    Attack("forged", 0.01, 0),
    Attack("quiet", 0.05, 3, {}),
    Attack("real", 0.05, 3),
    Attack("loud", 0.05, 10, PRAISE, choosy=True),
)
ATTACKS = {each.name: each for each in _RINGS}
"""D31: 1 % bots with clicks without a token; 5 % with real impressions, who ask as often as a keen person and click;
and the same number who ask ten times a day, for gems like the one alone, and say everything. Quiet ones ask like real
ones and say nothing: what becomes, without praise, of a gem that was chosen for how often it was shown."""


@dataclass(frozen=True)
class Lived:
    """What one arm came to in one city."""

    daily: pd.DataFrame  # by person and day; see `loop_figures.daily`
    arrivals: pd.DataFrame  # see `arrivals.Arrivals.table`; empty where an arm ranks nothing that it learned
    shown: int  # gems that were shown, where features say which are rare
    rare: int  # of them


@dataclass(frozen=True)
class Trial:
    """A city on the day of its release; every arm starts from here."""

    config: TrialConfig
    seed: int
    city: City
    release: TrialRelease
    root: Path  # for journals

    @classmethod
    def begin(cls, config: TrialConfig, seed: int, root: Path) -> "Trial":
        """Live the history and train the release.

        Args:
            config: Sizes.
            seed: Of the city and of everything that is trained.
            root: Folder that is written to; empty.
        """
        city = config.city(seed)
        live_logged(city, config.history, root / "log")
        train(root, seed, config.deep)
        return cls(config, seed, city, opened(root, seed, city.start + config.history * DAY_SECONDS), root)

    def guide(self, arm: str, bots: Bots | None = None, arrivals: Arrivals | None = None) -> Guide:
        """An arm in a city of its own."""
        people = [PSEUDONYMS.of(name) for name in self.city.people.ids]
        journal = self.root / "journal"
        shutil.rmtree(journal, ignore_errors=True)
        votes = Votes() if self.config.guard else None
        return Guide(_fork(self.city), self.release, ARMS[arm], people, journal, votes, bots, arrivals)

    def greedy(self, arrivals: Arrivals) -> EpsilonGreedy:
        """ε-greedy in a city of its own; what the release learned from, it knows as sums of each gem."""
        row = {name: place for place, name in enumerate(self.city.gems.places["item_id"])}
        shown, reward = np.zeros(len(row), dtype=np.int64), np.zeros(len(row))
        np.add.at(shown, pd.read_parquet(self.root / "log/impressions.parquet")["item_id"].map(row), 1)
        told = pd.read_parquet(self.root / "log/interactions.parquet").dropna(subset="slate_id")
        values = [None if np.isnan(value) else float(value) for value in told["value"]]
        rewards = [reward_of(*each) for each in zip(told["event_type"], values, strict=True)]
        np.add.at(reward, told["item_id"].map(row), rewards)
        return EpsilonGreedy(_fork(self.city), shown, reward, arrivals)

    def live(self, arm: str, progress: Progress) -> Lived:
        """What one arm came to."""
        arrivals = Arrivals.of(self.city, self.release.at)
        guide = self.guide(arm, arrivals=arrivals) if arm in ARMS else None
        if guide is not None:
            step: Callable[[], DayLog] = guide.live
        elif arm == EPSILON:
            step = self.greedy(arrivals).live
        else:
            city = _fork(self.city)
            step = partial(city.step, _KNOWN[arm](city))
        parts = []
        for day in range(self.config.days):
            parts.append(daily(step(), day))
            progress(arm, day + 1)
        table = with_returns(pd.concat(parts, ignore_index=True))
        new = self.city.people.first_day[table["person"].astype(int)] >= self.config.history
        half = np.where(table["day"] < self.config.days // 2, "first", "second")
        table = table.assign(arm=arm, seed=self.seed, who=np.where(new, "new", "known"), half=half)
        shown, rare = (0, 0) if guide is None else guide.rare.tolist()
        return Lived(table, arrivals.table().assign(arm=arm, seed=self.seed), shown, rare)


@dataclass(frozen=True)
class Poisoned:
    """What one run came to, with bots or without."""

    target: int  # row of the gem
    exposure: pd.DataFrame  # `seed`, `run`, `person`, `targeted` and `impressions`
    outcomes: dict[str, int]  # of all messages
    bots: dict[str, int]  # slates that bots were given, and targets in them
    digests: tuple[str, str] | None  # of the journal without the bots, and of a learner that never had their messages


def poisoned(trial: Trial, attack: Attack | None, target: int | None, progress: Progress) -> Poisoned:
    """Let people live with a learning guide, and bots beside them; how often people were shown what bots praise.

    Args:
        trial: A city on the day of its release.
        attack: None for the clean run.
        target: Row of the gem; None for the clean run, which finds one.
        progress: Told about every day.
    """
    run = "clean" if attack is None else attack.name
    ids = trial.city.gems.places["item_id"].tolist()
    bots = None if attack is None or target is None else attack.bots(trial, ids[target])
    guide = trial.guide("online", bots)
    logs = []
    for day in range(trial.config.days):
        logs.append(guide.live())
        progress(run, day + 1)
    target = unloved(trial, logs) if target is None else target
    parts = [targeted(log, target).assign(run=run, seed=trial.seed) for log in logs]
    table = pd.concat(parts).groupby(["seed", "run", "person"], as_index=False).sum()
    learner = guide.learner
    assert learner is not None
    digests = None
    if bots is not None:
        replayed = learner.learning.history.replay(without=bots.names)
        never = learner.never_had(trial.release, set(bots.names), trial.root / "never")
        shutil.rmtree(trial.root / "never")
        digests = replayed.digest, never.digest()
    return Poisoned(target, table, dict(learner.outcomes), dict(bots.shown) if bots else {}, digests)


def check_arms(arms: Sequence[str]) -> None:
    """Refuse an arm that is none.

    Raises:
        BadInputError: If there is one.
    """
    _check(arms, EVERY_ARM, "arm")


def check_attacks(attacks: Sequence[str]) -> None:
    """Refuse an attack that is none.

    Raises:
        BadInputError: If there is one.
    """
    _check(attacks, tuple(ATTACKS), "attack")


def _check(names: Sequence[str], known: Sequence[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise BadInputError(f"there is no {what} {name!r}; there are {', '.join(known)}")


def unloved(trial: Trial, logs: Sequence[DayLog]) -> int:
    """Row of the gem that people like least at noon, of the tenth that was shown to them most in some days.

    One that is hardly ever shown cannot tell by which factor bots raise it. Being chosen for what it was shown in these
    days, it may be shown a little less in others, whoever praises it.
    """
    city, people, gems = trial.city, len(trial.city.people), len(trial.city.gems)
    context = city.context(np.arange(people), np.full(people, trial.release.at + 12 * HOUR_SECONDS))
    every = np.broadcast_to(np.arange(gems), (people, gems))
    reward = city.truth.expected_reward(np.arange(people), every, context).mean(axis=0)
    items = np.concatenate([chunk["item"] for log in logs for chunk in log.impressions])
    shown = np.bincount(items, minlength=gems)
    return int(np.argmin(np.where(shown >= np.quantile(shown, 0.9), reward, np.inf)))


def _fork(city: City) -> City:
    """The same city with a future of its own."""
    other = copy.copy(city)
    other.state, other.random = copy.deepcopy(city.state), copy.deepcopy(city.random)
    other.clock = SimulatedClock(start=city.clock.now())
    return other
