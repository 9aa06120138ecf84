"""One simulated day: who goes out or opens the guide when, slate by slate and place by place."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import DAY_SECONDS, HOUR_SECONDS
from hidden_gems.datasets.contract import MOODS
from hidden_gems.simulation.appeal import Rows, Utility
from hidden_gems.simulation.context import Context
from hidden_gems.simulation.feedback import CODE, Events, Feedback, draw_feedback
from hidden_gems.simulation.log import NONE, Chunk, DayLog, context_columns
from hidden_gems.simulation.policy import EMPTY, Policy, Request, Slates
from hidden_gems.simulation.weather import BAD, SLOTS

if TYPE_CHECKING:
    from hidden_gems.simulation.city import City

_POPULAR = np.array([CODE[name] for name in ("click", "save", "share", "visit")])


@dataclass(frozen=True)
class Sessions:
    """B sessions that go on."""

    user: Rows  # B
    time: NDArray[np.int64]  # epoch seconds of the next slate or outing, B
    mood: Rows  # B
    asks: NDArray[np.bool_]  # asks the guide next, otherwise goes somewhere alone, B
    long: NDArray[np.bool_]  # a long day out, B
    number: Rows  # B

    def rows(self, keep: NDArray[np.bool_]) -> "Sessions":
        """The sessions named by `keep`."""
        return Sessions(**{name: value[keep] for name, value in self.__dict__.items()})


class Day:
    """The next day of a city, under a policy. Moves the city's state."""

    def __init__(self, city: "City", policy: Policy) -> None:
        self.city, self.policy, self.random = city, policy, city.random
        self.midnight = city.start + city.day * DAY_SECONDS
        self.events: list[Chunk] = []
        self.impressions: list[Chunk] = []

    def live(self) -> DayLog:
        """Live the day from the first slot to the last."""
        for slot in range(SLOTS):
            sessions = self._begin(slot)
            for _ in range(self.city.parameters.sessions.steps):
                if not len(sessions.user):
                    break
                sessions = self._go_on(sessions)
        return DayLog(self.city.day, tuple(self.events), tuple(self.impressions))

    def _begin(self, slot: int) -> Sessions:
        """Who starts a session in a slot."""
        city, people, state = self.city, self.city.people, self.city.state
        of = city.parameters.sessions
        begin = self.midnight + int(of.slot_hours[slot] * HOUR_SECONDS)
        here = (people.first_day <= city.day) & (city.day <= people.last_day)
        free = here & state.active & (state.busy_until < begin)
        weekday = (begin // DAY_SECONDS + 3) % 7
        share = of.slot_shares[slot] * (of.weekend if weekday >= 5 else 1.0)
        rain = of.rain if BAD[city.weather.sky[city.day, slot]] else 1.0
        asking = people.guide_per_day * share * np.exp(of.return_gain * (state.satisfaction - 0.5))
        going = people.organic_per_day * share * rain
        draws = self.random.random((4, len(people)))
        user = np.flatnonzero(free & (draws[0] < 1 - np.exp(-asking - going)))
        number = city.sessions + np.arange(len(user))
        city.sessions += len(user)
        return Sessions(
            user=user,
            time=begin + (draws[1, user] * of.slot_spread_hours * HOUR_SECONDS).astype(np.int64),
            mood=self.random.integers(len(MOODS), size=len(user)),
            asks=draws[2, user] < (asking / (asking + going))[user],
            long=draws[3, user] < of.long_share,
            number=number,
        )

    def _go_on(self, sessions: Sessions) -> Sessions:
        """One slate or one place for each session; returns those that go on."""
        context = self.city.context_now(sessions.user, sessions.time, sessions.mood)
        utility = self.city.appeal(sessions.user, context)
        opens = self.city.truth.open_on_arrival(context)
        arrival = self.city.truth.arrival(context)
        reached = np.full(len(sessions.user), NONE, dtype=np.int64)
        asks = np.flatnonzero(sessions.asks & opens.any(axis=1))
        alone = np.flatnonzero(~sessions.asks & opens.any(axis=1))
        for rows, act in ((asks, self._ask), (alone, self._wander)):
            if len(rows):
                part = Utility(utility.liking[rows], utility.pull[rows])
                reached[rows] = act(_take(sessions, rows), context.rows(rows), part, opens[rows])
        return self._next(sessions, reached, arrival)

    def _ask(
        self, sessions: Sessions, context: Context, utility: Utility, opens: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Show a slate to each person and take their feedback; returns the place each went to last, or NONE."""
        city, of = self.city, self.city.parameters.feedback
        request = Request(sessions.user, context, opens, city.state.popularity, of.slate)
        slates = self.policy(request, self.random)
        shown = slates.items != EMPTY
        items = np.where(shown, slates.items, 0)
        outcomes = city.truth.outcomes_of(utility, items, opens)
        feedback = draw_feedback(of, outcomes, shown, self.random)
        number = city.slates + np.arange(len(items))
        city.slates += len(items)
        arrival = np.take_along_axis(city.truth.arrival(context), items, axis=1)
        truth = (outcomes.click, city.truth.reward_of(outcomes))
        self._log_slates(sessions, context, slates, number, (feedback, *truth))
        self._log_feedback(sessions, context, items, number, feedback.events(context.timestamp, arrival))
        left = feedback.examined & ~feedback.clicked
        row, position = np.nonzero(left)
        np.add.at(city.state.fatigue, (sessions.user[row], items[row, position]), 1.0)
        self._remember(sessions.user, feedback)
        return self._visit(sessions.user, items, feedback.visited, arrival)

    def _wander(
        self, sessions: Sessions, context: Context, utility: Utility, opens: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Each person goes where habit, fame and taste lead; returns the place."""
        city, of = self.city, self.city.parameters.pull
        known = np.minimum(context.known, 1.0)
        habit = of.habit * known + of.attachment * np.log(np.maximum(context.known, 1.0))
        unaware = city.gems.hidden * (1 - known)
        drawn = of.organic_sharpness * utility.appeal + habit - of.unaware * unaware
        drawn = np.where(opens, drawn + self.random.gumbel(size=drawn.shape), -np.inf)
        item = np.argmax(drawn, axis=1)
        rows = np.arange(len(item))
        arrival = city.truth.arrival(context)[rows, item]
        liking = utility.liking[rows, item]
        feedback = city.parameters.feedback
        stars = feedback.rating + feedback.rating_liking * liking
        stars = np.clip(np.rint(stars + feedback.rating_spread * self.random.normal(size=len(item))), 1, 5)
        rated = np.flatnonzero(self.random.random(len(item)) < feedback.rate)
        code = np.concatenate([np.full(len(item), CODE["visit"]), np.full(len(rated), CODE["rating"])])
        moment = np.concatenate([arrival, arrival[rated] + HOUR_SECONDS]).astype(np.int64)
        value = np.concatenate([np.full(len(item), np.nan), stars[rated]])
        row = np.concatenate([rows, rated])
        nothing = np.full(len(item), NONE)
        place = np.zeros(len(row), dtype=np.int64)
        self._log_feedback(sessions, context, item[:, None], nothing, (row, place, code, moment, value))
        return self._visit(sessions.user, item[:, None], np.ones((len(item), 1), dtype=bool), arrival[:, None])

    def _visit(
        self, users: Rows, items: Rows, visited: NDArray[np.bool_], arrival: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Move people to the places they visit; returns the column each reached last as a row of gems, or NONE."""
        state = self.city.state
        row, column = np.nonzero(visited)
        state.visit(users[row], items[row, column], self.city.appeal.group[items[row, column]])
        last = np.argmax(np.where(visited, arrival, -np.inf), axis=1)
        rows = np.arange(len(users))
        went = visited.any(axis=1)
        reached = np.where(went, items[rows, last], NONE)
        state.last_item[users[went]] = reached[went]
        state.last_time[users[went]] = arrival[rows, last][went].astype(np.int64)
        return reached

    def _remember(self, users: Rows, feedback: Feedback) -> None:
        """What a slate brought moves satisfaction."""
        of, state = self.city.parameters.sessions, self.city.state
        brought = np.maximum(feedback.reward().sum(axis=1), 0.0)
        felt = 1 - np.exp(-brought / of.satisfaction_reward)
        state.satisfaction[users] = of.satisfaction_keep * state.satisfaction[users] + (1 - of.satisfaction_keep) * felt
        state.used_today[users] = True

    def _next(self, sessions: Sessions, reached: NDArray[np.int64], arrival: NDArray[np.float64]) -> Sessions:
        """Sessions that go on: another slate for who went nowhere, another place or slate for who did."""
        of = self.city.parameters.sessions
        draws = self.random.random((2, len(reached)))
        pause = self.random.exponential(size=len(reached))
        went = reached != NONE
        there = arrival[np.arange(len(reached)), np.maximum(reached, 0)]
        stay = 60 * np.where(went, 10 + of.stay_minutes * pause, 1 + of.think_minutes * pause)
        time = (np.where(went, there, sessions.time) + stay).astype(np.int64)
        self.city.state.busy_until[sessions.user] = time
        next_place = np.where(sessions.long, of.long_next_place, of.next_place)
        on = draws[0] < np.where(went, next_place, np.where(sessions.asks, of.more_slates, 0.0))
        asks = ~went | (draws[1] < of.ask_on_the_way)
        return replace(sessions, time=time, asks=asks).rows(on)

    def _log_slates(
        self,
        sessions: Sessions,
        context: Context,
        slates: Slates,
        number: Rows,
        after: tuple[Feedback, NDArray[np.float32], NDArray[np.float32]],
    ) -> None:
        feedback, click, reward = after
        row, position = np.nonzero(slates.items != EMPTY)
        self.impressions.append(
            {
                "slate": number[row],
                "user": sessions.user[row],
                "timestamp": context.timestamp[row],
                "item": slates.items[row, position],
                "position": position,
                "policy": np.full(len(row), slates.policy, dtype=object),
                "propensity": slates.propensity[row, position],
                "clicked": feedback.clicked[row, position],
                "click_probability": click[row, position],
                "expected_reward": reward[row, position],
                **context_columns(context, row),
            }
        )

    def _log_feedback(self, sessions: Sessions, context: Context, items: Rows, number: Rows, events: Events) -> None:
        row, position, code, moment, value = events
        item = items[row, position]
        self.city.state.today += np.bincount(item[np.isin(code, _POPULAR)], minlength=len(self.city.gems))
        slate = number[row]
        self.events.append(
            {
                "user": sessions.user[row],
                "item": item,
                "timestamp": moment,
                "code": code,
                "value": value,
                "session": sessions.number[row],
                "slate": slate,
                "position": np.where(slate == NONE, NONE, position),
                **context_columns(context, row),
            }
        )


def _take(sessions: Sessions, rows: Rows) -> Sessions:
    return Sessions(**{name: value[rows] for name, value in sessions.__dict__.items()})
