"""A learner whose state is poisoned under the eyes of the watch."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from prometheus_client import REGISTRY

from hidden_gems.core.errors import FencedError
from hidden_gems.events.records import Interaction, Place, Slate
from hidden_gems.online.watch import RewardWatch
from hidden_gems.online.watched import Watched
from inference.learner.watching import Watching
from tests.unit.learner.test_learner_service import Bench
from tests.unit.online.test_learning import AT

GEMS = ("g0", "g1", "g2")
RATES = {"g0": 0.4, "g1": 0.8, "g2": 0.05}  # of a visit; the release shows g0, and nobody has to show g2
MINUTE, HOUR = 60.0, 3600.0


@dataclass
class City:
    """People who ask in turn, some of them static, and a learner that is told what they did."""

    bench: Bench = field(default_factory=lambda: Bench(batch_messages=400))
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))
    asked: int = 0
    cheated: int = 0

    def __post_init__(self) -> None:
        learner = self.bench.learner
        learner.monotonic = lambda: learner.clock.now() - AT  # looks and snapshots follow the clock that we move
        learner.snapshot_seconds, learner._snapshot_at, learner._looked_at = HOUR, 0.0, -HOUR
        self.watching = self.watch_anew()

    def watch_anew(self) -> Watching:
        old = self.bench.learner.watching
        self.bench.learner.watching = Watching(RewardWatch(6 * HOUR, least_slates=50), old.folder, old.clock)
        return self.bench.learner.watching

    @property
    def favourite(self) -> str:
        """What somebody online is shown."""
        mean, _ = self.bench.learner.learning.state.arms.belief(GEMS)
        return GEMS[int(np.argmax(mean))]

    def live(self, hours: int, bots: int = 0) -> None:
        """Let time go by: 60 slates an hour, and visits by bots to g2 whose slates are in no variant."""
        for _ in range(hours):
            for _ in range(6):
                self.bench.learner.clock.advance(10 * MINUTE)
                self.ask(10)
                self.cheat(bots // 6)
                while self.bench.learner.step():
                    pass

    def live_until(self, outcome: str, most_hours: int = 12) -> None:
        """Let time go by until something became of a verdict."""
        before = returns(outcome)
        for _ in range(most_hours):
            self.live(hours=1)
            if returns(outcome) > before:
                return
        raise AssertionError(f"nothing was {outcome} in {most_hours} h")

    def ask(self, slates: int) -> None:
        for _ in range(slates):
            self.asked += 1
            person = self.asked * 7 % 200
            variant = "static" if person < 60 else "online"
            item = (
                "g0" if variant == "static" else GEMS[self.random.integers(2)] if self.asked < 100 else self.favourite
            )
            self.shown(str(self.asked), f"p{person}", item, variant, self.random.random() < RATES[item])

    def cheat(self, visits: int) -> None:
        for _ in range(visits):
            self.cheated += 1
            self.shown(f"bot{self.cheated}", f"bot{self.cheated}", "g2", "", True)

    def shown(self, name: str, person: str, item: str, variant: str, visited: bool) -> None:
        now = self.bench.learner.clock.now()
        version = self.bench.learner.learning.state.version if variant == "online" else 0
        place = (Place(item, 0, 0.5, 1.0, (), ()),)
        self.bench.send(Slate(name, person, now, "ranker+thompson", "r1", "v1", version, place, variant=variant))
        if visited:
            self.bench.send(Interaction(f"e{name}", person, item, "visit", now, now, slate_id=name, signed=True))


def returns(outcome: str) -> float:
    return REGISTRY.get_sample_value("gems_online_returns_total", {"outcome": outcome}) or 0.0


def verdict() -> Iterator[str]:
    for metric in REGISTRY.collect():
        if metric.name == "gems_online_verdict":
            yield from (sample.labels["verdict"] for sample in metric.samples if sample.value == 1.0)


def test_a_poisoned_state_goes_back_to_a_good_version_and_on_from_there(caplog: pytest.LogCaptureFixture) -> None:
    city, before = City(), returns("done")
    city.live(hours=6)
    assert city.favourite == "g1"
    assert list(verdict()) == ["good"]
    poisoned_at = city.bench.learner.learning.state.version

    city.live(hours=1, bots=1500)
    assert city.favourite == "g2"
    with caplog.at_level(logging.ERROR, "gems"):
        city.live_until("done")
    [back] = city.watching.watched.returns
    assert returns("done") == before + 1
    assert 0 < back.back_to <= poisoned_at < back.below < back.version
    assert "back from version" in caplog.text
    history = city.bench.history
    then, now = history.replay(to=back.back_to), history.replay(to=back.version)
    assert now.digest == then.digest
    assert city.favourite == "g1"
    assert Watched.load(city.watching.folder).returns == [back]

    city.live(hours=6)
    assert returns("done") == before + 1
    assert city.bench.learner.learning.state.version > back.version
    assert list(verdict()) == ["good"]
    assert city.favourite == "g1"


def test_a_learner_that_starts_again_knows_what_was_good_and_fills_a_new_window() -> None:
    city = City()
    city.live(hours=6)
    good = city.watching.watched.good
    assert good
    city.live(hours=1, bots=1500)
    watching = city.watch_anew()
    assert watching.watched.good[: len(good)] == good
    city.live(hours=1)
    assert list(verdict()) == ["filling"]
    city.live_until("done")
    [back] = watching.watched.returns
    assert back.back_to >= good[-1].version


def test_without_a_version_to_go_back_to_it_says_so_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    city = City()
    city.live(hours=2)
    for version in city.bench.history.versions()[:-1]:
        city.bench.history._path(version).unlink()
    city.watching.watched.good = []
    city.live(hours=1, bots=1500)
    city.watching.watched.good = []
    with caplog.at_level(logging.ERROR, "gems"):
        city.live_until("nowhere")
    assert "no good version can be reached" in caplog.text
    assert city.watching.watched.returns == []
    assert city.favourite == "g2"


def test_who_has_been_replaced_judges_no_more() -> None:
    bench = Bench()

    def gone() -> None:
        raise FencedError

    bench.learner.check = gone
    with pytest.raises(FencedError):
        bench.learner.step()
    assert not (bench.learner.watching.folder / "watch.json").exists()


def test_without_static_people_it_is_not_watched() -> None:
    bench = Bench()
    bench.learner.step()
    assert list(verdict()) == ["not watched"]
    assert REGISTRY.get_sample_value("gems_online_window_slates", {"variant": "online"}) == 0.0
