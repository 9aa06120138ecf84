"""The truth about any (user, item, context): probabilities of every event, and the expected reward."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from hidden_gems.events.kinds import FULL_DWELL_SECONDS, KINDS
from hidden_gems.simulation.appeal import Appeal, Rows, Utility
from hidden_gems.simulation.context import Context
from hidden_gems.simulation.gems import Floats, Gems
from hidden_gems.simulation.parameters import FeedbackParameters
from hidden_gems.simulation.rhythm import hour_of_week, month_of

RATINGS = (2, 3, 4, 5)
MAX_DWELL_REWARD = 0.5


@dataclass(frozen=True)
class Outcomes:
    """What follows when a person looks at an item; all B X N.

    save, share and visit are given a click; dismiss and skip are given none, skip also given no dismissal.
    """

    click: Floats
    dwell_log_mean: Floats  # of seconds, given a click
    save: Floats
    share: Floats
    visit: Floats
    rating_mean: Floats  # before rounding and clipping to 1-5
    dismiss: Floats
    skip: Floats


class Truth:
    """Answers what no log can: how likely, and how good, any item is for any person in any moment.

    Notation: B moments, N items asked for in each, I all gems.
    """

    def __init__(self, appeal: Appeal, gems: Gems, feedback: FeedbackParameters) -> None:
        self.appeal, self.gems, self.feedback = appeal, gems, feedback

    def click_probability(self, users: Rows, items: Rows, context: Context) -> Floats:
        """Probability of a click on an examined item (position 0), B X N."""
        return self.outcomes(users, items, context).click

    def visit_probability(self, users: Rows, items: Rows, context: Context) -> Floats:
        """Probability that an examined item is clicked and then visited, B X N."""
        outcomes = self.outcomes(users, items, context)
        return outcomes.click * outcomes.visit

    def expected_reward(self, users: Rows, items: Rows, context: Context) -> Floats:
        """Expected sum of the rewards of all events that one examined item (position 0) brings, B X N.

        Args:
            users: Rows of the people, size B.
            items: Rows of the gems, B X N.
            context: The moments, size B.
        """
        return self.reward_of(self.outcomes(users, items, context))

    def outcomes(self, users: Rows, items: Rows, context: Context) -> Outcomes:
        """Probabilities of all events for some gems, B X N."""
        utility = self.appeal(users, context)
        return self.outcomes_of(utility, items, self.open_on_arrival(context))

    def outcomes_of(self, utility: Utility, items: Rows, opens: NDArray[np.bool_]) -> Outcomes:
        """Probabilities of all events from utilities of all gems.

        Args:
            utility: Of all gems, B X I.
            items: Rows of the gems asked for, B X N.
            opens: Whether each gem is open on arrival, B X I.
        """
        of = self.feedback
        liking = np.take_along_axis(utility.liking, items, axis=1)
        appeal = liking + np.take_along_axis(utility.pull, items, axis=1)
        return Outcomes(
            click=expit(of.click + appeal),
            dwell_log_mean=np.asarray(np.log(of.dwell_seconds) + of.dwell_liking * liking, dtype=np.float32),
            save=expit(of.save + of.save_liking * liking),
            share=expit(of.share + of.share_liking * liking),
            visit=expit(of.visit + of.visit_appeal * appeal) * np.take_along_axis(opens, items, axis=1),
            rating_mean=of.rating + of.rating_liking * liking,
            dismiss=expit(of.dismiss - of.dismiss_liking * liking),
            skip=expit(of.skip - of.skip_liking * liking),
        )

    def reward_of(self, outcomes: Outcomes) -> Floats:
        """Expected sum of rewards of an examined item, B X N."""
        of = self.feedback
        after_click = (
            KINDS["click"].reward
            + self._dwell_reward(outcomes.dwell_log_mean)
            + KINDS["save"].reward * outcomes.save
            + KINDS["share"].reward * outcomes.share
            + outcomes.visit * (KINDS["visit"].reward + of.rate * self._rating_reward(outcomes.rating_mean))
        )
        left = 1 - outcomes.dismiss
        without = (
            KINDS["dismiss"].reward * outcomes.dismiss
            + KINDS["skip"].reward * left * outcomes.skip
            + KINDS["view"].reward * of.view * left * (1 - outcomes.skip)
        )
        return np.asarray(outcomes.click * after_click + (1 - outcomes.click) * without, dtype=np.float32)

    def open_on_arrival(self, context: Context) -> NDArray[np.bool_]:
        """Whether each gem has opened for good and is open when the person gets there, B X I."""
        month = month_of(context.timestamp)[:, None]
        opens = self.gems.open[month, np.arange(len(self.gems)), hour_of_week(self.arrival(context))]
        return np.asarray(opens & (context.timestamp[:, None] >= self.gems.created_at), dtype=bool)

    def arrival(self, context: Context) -> NDArray[np.float64]:
        """When the person would get to each gem, epoch seconds, B X I."""
        minutes = self.feedback.leave_minutes + context.travel_minutes
        return np.asarray(context.timestamp[:, None] + 60.0 * minutes, dtype=np.float64)

    def _dwell_reward(self, log_mean: Floats) -> Floats:
        """Mean of the dwell reward, which grows up to `FULL_DWELL_SECONDS`, over a lognormal dwell."""
        spread, full = self.feedback.dwell_spread, FULL_DWELL_SECONDS
        score = (np.log(full) - log_mean) / spread
        mean = np.exp(log_mean + spread**2 / 2) * ndtr(score - spread) + full * (1 - ndtr(score))
        return np.asarray(MAX_DWELL_REWARD * mean / full, dtype=np.float32)

    def _rating_reward(self, mean: Floats) -> Floats:
        """Mean reward of a rounded normal rating clipped to 1-5."""
        spread = self.feedback.rating_spread
        above = sum(1 - ndtr((stars - 0.5 - mean) / spread) for stars in RATINGS)
        return np.asarray(above / 4.0, dtype=np.float32)
