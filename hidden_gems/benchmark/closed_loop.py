"""Our own funnel as a policy of the simulated city: it answers, is told what followed, and learns, or does not.

Time in the city runs forward for each person, and from slot to slot for all of them; within a slot of two hours people
are lived side by side. An answer may thus know what others told up to two hours later, never anything of the person's
own future.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from hidden_gems.benchmark.arrivals import Arrivals
from hidden_gems.benchmark.bots import Bots
from hidden_gems.benchmark.funnel import Answer, answered
from hidden_gems.benchmark.loop_learner import LoopLearner
from hidden_gems.benchmark.loop_release import TrialRelease
from hidden_gems.core.names import factors
from hidden_gems.datasets.contract import MOODS, WEATHERS
from hidden_gems.datasets.interactions import Rows
from hidden_gems.evaluation.metrics import Floats
from hidden_gems.events.records import Interaction, Place, Slate
from hidden_gems.features.request import RequestContext, user_row
from hidden_gems.features.schema import FEATURE_NAMES, FEATURE_SERVICE
from hidden_gems.online.votes import Votes
from hidden_gems.recommend.person import Person
from hidden_gems.recommend.request import Filters, Request
from hidden_gems.recommend.world import World
from hidden_gems.simulation.city import City
from hidden_gems.simulation.feedback import EVENT_TYPES
from hidden_gems.simulation.log import NONE, Chunk, DayLog
from hidden_gems.simulation.policy import EMPTY, Slates
from hidden_gems.simulation.policy import Request as Asked
from hidden_gems.simulation.sessions import Day

_RARE = FEATURE_NAMES.index("is_rare")
POLICY = "ranker+thompson"


@dataclass(frozen=True)
class Moves:
    """What a release may do after its day."""

    rows: bool  # rows of people and gems follow the stream
    beliefs: bool  # arms and factors follow the stream


ARMS = {"static": Moves(False, False), "rows": Moves(True, False), "online": Moves(True, True)}


@dataclass
class Guide:
    """A policy of the city that answers with the functions which serve.

    Args:
        city: Whose people ask; its day is lived by `live`.
        release: Answers with it.
        moves: What follows the stream.
        people: Pseudonym of each person of the city.
        folder: Of the learner's journal.
        votes: How much sudden praise of a gem counts.
        bots: Who asks and tells beside them.
        arrivals: Watches new gems.
    """

    city: City
    release: TrialRelease
    moves: Moves
    people: list[str]
    folder: Path
    votes: Votes | None = None
    bots: Bots | None = None
    arrivals: Arrivals | None = None
    learner: LoopLearner | None = field(init=False)
    world: World = field(init=False)
    rare: Rows = field(default_factory=lambda: np.zeros(2, dtype=np.int64), init=False)  # shown, and of them rare

    def __post_init__(self) -> None:
        learns = self.moves.rows or self.moves.beliefs
        self.learner = LoopLearner(self.release, self.folder, self.votes) if learns else None
        self._store = self.learner.store if self.learner and self.moves.rows else self.release.store()
        self.world = self.release.world(still=not self.moves.rows)
        self._ids = self.city.gems.places["item_id"].tolist()
        self._row = {name: row for row, name in enumerate(self._ids)}
        self._day: Day | None = None
        self._heard = 0

    def live(self) -> DayLog:
        """Live the next day of the city with this policy; as `City.step`, but what people tell is heard at once."""
        self._day, self._heard = Day(self.city, self), 0
        log = self._day.live()
        self._hear()
        self.city.end_day()
        return log

    def __call__(self, asked: Asked, random: np.random.Generator) -> Slates:
        """Answer people in the order of their moments."""
        self._hear()
        if self.bots is not None:
            self.bots.act(self, asked)
        items = np.full((len(asked.users), asked.limit), EMPTY, dtype=np.int64)
        propensity = np.zeros(items.shape)
        first, gems = self.city.slates, np.broadcast_to(np.arange(len(self._ids)), asked.eligible.shape)
        true = self.city.truth.expected_reward(asked.users, gems, asked.context) if self.arrivals else None
        for place in np.argsort(asked.context.timestamp, kind="stable").tolist():
            request = self.request(asked, place)
            person = self.person(request, bool(self.city.people.consent[asked.users[place]]))
            answer = self.answer(person, request, random)
            shown = [answer.found.item_ids[each] for each in answer.filled.places]
            items[place, : len(shown)] = [self._row[name] for name in shown]
            propensity[place, : len(shown)] = answer.filled.propensities
            self._count(answer, items[place, : len(shown)], None if true is None else true[place])
            if self.learner is not None:
                self.learner.hear([self.slate_of(answer, request, person, f"slate-{first + place:07d}")])
        return Slates(items, propensity, POLICY)

    def _count(self, answer: Answer, shown: Rows, true: Floats | None) -> None:
        places = list(answer.filled.places)
        self.rare += np.array([len(places), (answer.features[places, _RARE] > 0).sum()])
        if self.arrivals is not None and true is not None:
            weighed = np.array([self._row[name] for name in answer.found.item_ids], dtype=np.int64)
            self.arrivals.note(weighed, answer.utilities.mean, true[weighed], shown)

    def answer(self, person: Person, request: Request, random: np.random.Generator) -> Answer:
        """One request through the funnel."""
        return answered(self.release, self.world, person, request, random)

    @staticmethod
    def slate_of(answer: Answer, request: Request, person: Person, slate_id: str) -> Slate:
        """The message of an answer; it names nobody who has not agreed to be known."""
        places = tuple(
            Place(
                item_id=answer.found.item_ids[place],
                position=position,
                propensity=answer.filled.propensities[position],
                score=float(answer.beliefs.score[place]),
                sources=answer.found.sources[place],
                vector=tuple(answer.features[place].tolist()),
                constraints=answer.filled.constraints(position),
            )
            for position, place in enumerate(answer.filled.places)
        )
        return Slate(
            slate_id=slate_id,
            user_id=request.user_id if person.consent else "",
            timestamp=float(request.context.timestamp),
            policy=POLICY,
            release="",
            feature_service=FEATURE_SERVICE,
            state_version=0,
            places=places,
        )

    def request(self, asked: Asked, place: int) -> Request:
        """What the person at a place of the city's request asks; whatever is open on arrival may be shown."""
        context = asked.context
        at = RequestContext(
            int(context.timestamp[place]),
            self.release.about.timezone,
            float(context.lat[place]),
            float(context.lon[place]),
            WEATHERS[context.sky[place]],
            float(context.temperature_c[place]),
        )
        eligible = tuple(self._ids[row] for row in np.flatnonzero(asked.eligible[place]).tolist())
        return Request(
            self.people[asked.users[place]],
            at,
            limit=asked.limit,
            filters=Filters(candidates=eligible, exclude_seen=False),
            mood=MOODS[context.mood[place]],
        )

    def person(self, request: Request, consent: bool = True) -> Person:
        """Who asks, as far as it is known at the moment of the request."""
        self._refresh(request.context.timestamp)
        name = request.user_id
        if not consent:
            return Person(consent=False)
        vector = None
        if self.learner is not None and self.moves.beliefs:
            [vector] = self.learner.keys.get([factors(name)])
        return Person(user_row(self._store, name), self.release.embeddings.get(name, 0), vector)

    def _refresh(self, at: float) -> None:
        if self.learner is None or not self.learner.learn(at):
            return
        if self.moves.rows:
            self.world = self.learner.rows_into(self.world)
        if self.moves.beliefs:
            self.world = replace(self.world, online=self.learner.learning.state)

    def _hear(self) -> None:
        """Take what people have told since the last time."""
        if self._day is not None and self.learner is not None:
            for chunk in self._day.events[self._heard :]:
                self.learner.hear(self._told(chunk))
            self._heard = len(self._day.events)

    def _told(self, chunk: Chunk) -> Iterator[Interaction]:
        """Feedback on slates; who goes out alone does not tell the guide."""
        consent = self.city.people.consent
        for row in np.flatnonzero(chunk["slate"] != NONE).tolist():
            user, at, value = chunk["user"][row], float(chunk["timestamp"][row]), float(chunk["value"][row])
            slate, position = f"slate-{chunk['slate'][row]:07d}", int(chunk["position"][row])
            kind = EVENT_TYPES[chunk["code"][row]]
            yield Interaction(
                event_id=f"{slate}-{position}-{kind}",
                user_id=self.people[user],
                item_id=self._ids[chunk["item"][row]],
                event_type=kind,
                timestamp=at,
                received=at,
                value=None if np.isnan(value) else value,
                slate_id=slate,
                position=position,
                signed=bool(consent[user]),
                context={"lat": float(chunk["lat"][row]), "lon": float(chunk["lon"][row])},
            )
