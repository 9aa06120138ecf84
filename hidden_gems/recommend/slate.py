"""From scores and beliefs to a slate: utilities, the hand-over from bandit to models, the draw under its rules."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hidden_gems.recommend.exploration import Floats, Mask, Step, draw
from hidden_gems.recommend.request import Preferences
from hidden_gems.recommend.rules import Constraint, Rules

KNOWN_FROM = 10.0
"""Likes from which the models speak for a person and the bandit only adds a little (decision 9)."""

_ARM_SHARE = (0.5, 0.1)  # weight of the arms' belief for somebody new and for somebody known
_ONLINE_SHARE = 0.25  # weight of the online factors for somebody known
LEFT_SHARE = 0.7
"""Standard deviations of utility that one look costs a gem that was left."""
_WISH = 0.5  # standard deviations of utility that a soft wish is worth


@dataclass(frozen=True)
class Beliefs:
    """What the ranker answers for n candidates; or the blend that stands in for it."""

    score: Floats  # n
    mean: Floats  # reward an impression of each arm earns, 0 to 1, n
    spread: Floats  # standard deviation of that belief, n


@dataclass(frozen=True)
class Utilities:
    """What a draw is made of."""

    mean: Floats  # u, n
    spread: Floats  # s, n
    handed_over: float  # weight of the models against the bandit, 0 for somebody new to 1
    business: Floats | None = None  # part of the mean that is business weights, n


@dataclass(frozen=True)
class Filled:
    """Positions of a slate, k of them."""

    places: tuple[int, ...]  # numbers of candidates
    propensities: tuple[float, ...]
    fired: Mapping[int, Sequence[Constraint]] = field(default_factory=dict)  # by position
    explored: tuple[bool, ...] = ()  # see `exploration.Drawn`; empty where nothing was drawn
    steps: tuple[Step, ...] = field(default=(), compare=False)  # the same
    kept_out: tuple[tuple[Mask, ...], ...] = field(default=(), compare=False)  # by position, see `Rules.kept_out`

    def constraints(self, position: int) -> tuple[str, ...]:
        """Names of the rules that changed a position."""
        return tuple(each.name for each in self.fired.get(position, ()))


def hand_over(likes: Floats | float) -> Floats:
    """Weight of the models against the bandit with so many likes: 0 for none, 1 from ten, smooth between.

    Examples:
        >>> hand_over(np.array([0, 5, 10, 400])).tolist()
        [0.0, 0.5, 1.0, 1.0]
    """
    known = np.clip(np.asarray(likes, dtype=np.float64) / KNOWN_FROM, 0.0, 1.0)
    return np.asarray(known * known * (3.0 - 2.0 * known))


def utilities(
    beliefs: Beliefs,
    online: Floats | None,
    likes: float,
    wishes: Floats | None = None,
    evidence: Floats | None = None,
    business: Floats | None = None,
) -> Utilities:
    """Blend the ranker's score with what the online learners believe.

    u = (1 - a) z(score) + a z(arm) + b z(online) + wishes + business, s = a · spread / scale, where z is standardised
    over the candidates, `scale` is the standard deviation of an arm drawn at random (its mean and its belief together),
    and the weight `a` falls from 0.5 for somebody new to 0.1 for somebody known while `b` grows. Sampling Normal(u, s)
    is thus Thompson sampling of the arms inside the blend. A new gem is as unknown to the models as a new person: its
    `a` falls with its `evidence` as that of a person with their likes, and as far as it is unknown, a score
    below the mean candidate's is raised to it: the ranker mistakes "nobody could like it yet" for "nobody likes it".

    Args:
        beliefs: Of n candidates.
        online: Affinity by the online factors, n; None where there are none.
        likes: Of the person.
        wishes: Added to u, n.
        evidence: How much is known of each gem, in likes, n, inf for one that is not new; None where none is.
        business: Business weights, added to u as well, n.
    """
    handed_over = float(hand_over(likes))
    new, known = _ARM_SHARE
    learned = np.ones(len(beliefs.mean)) if evidence is None else hand_over(evidence)
    share = new + (known - new) * np.minimum(handed_over, learned)
    score = standardised(beliefs.score)
    score = np.where(score < 0.0, learned * score, score)
    scale = math.sqrt(float(np.var(beliefs.mean)) + float(np.mean(beliefs.spread**2))) if len(beliefs.mean) else 0.0
    arm = (beliefs.mean - beliefs.mean.mean()) / scale if scale > 0 else np.zeros(len(beliefs.mean))
    mean = (1.0 - share) * score + share * arm
    if online is not None:
        mean = mean + _ONLINE_SHARE * handed_over * standardised(online)
    for more in (wishes, business):
        if more is not None:
            mean = mean + more
    spread = share * beliefs.spread / scale if scale > 0 else np.zeros(len(beliefs.mean))
    return Utilities(mean, spread, handed_over, business)


def standardised(values: NDArray[np.floating]) -> Floats:
    """Values with mean 0 and standard deviation 1, size n; zeros where all are equal, 0 where one is not finite."""
    found = np.asarray(values, dtype=np.float64)
    known = np.isfinite(found)
    if not known.any():
        return np.zeros(len(found))
    middle, width = found[known].mean(), found[known].std()
    if width <= 1e-9 * max(1.0, abs(middle)):
        return np.zeros(len(found))
    return np.where(known, (found - middle) / width, 0.0)


def wishes(preferences: Preferences, types: Sequence[str | None], price: Floats) -> Floats:
    """What soft wishes add to the utility of n candidates.

    Args:
        preferences: Of the request.
        types: Type of each candidate.
        price: Price level of each, NaN where unknown.
    """
    added = np.zeros(len(types))
    added += _WISH * np.array([kind in preferences.types for kind in types], dtype=bool)
    added -= 2.0 * _WISH * np.array([kind in preferences.avoid for kind in types], dtype=bool)
    if preferences.max_price_level is not None:
        added -= _WISH * (price > preferences.max_price_level)
    return added


def in_order(scores: NDArray[np.floating]) -> Floats:
    """Places of n candidates in the order of their scores, 0 (last) to 1 (first), equal for equal scores."""
    values, place = np.unique(np.nan_to_num(np.asarray(scores, dtype=np.float64), nan=-np.inf), return_inverse=True)
    return np.asarray(place / max(len(values) - 1, 1), dtype=np.float64)


def fill(drawn_from: Utilities, rules: Rules, random: np.random.Generator) -> Filled:
    """Draw a slate."""
    share = rules.business.explored_share
    drawn = draw(drawn_from.mean, drawn_from.spread, rules.limit, random, rules.allowed, rules.taken, share)
    fired = rules.fired(drawn_from.mean, drawn, drawn_from.business)
    kept_out = tuple(rules.kept_out(drawn.places[:position]) for position in range(len(drawn.places)))
    return Filled(drawn.places, drawn.propensities, fired, drawn.explored, drawn.steps, kept_out)


def policy_name(kind: str, degraded: Sequence[str]) -> str:
    """Name that a slate is logged with: what ranked it, and what was missing.

    Examples:
        >>> policy_name("recommend", []), policy_name("recommend", ["deep", "ranker"]), policy_name("trending", [])
        ('ranker+thompson', 'blend+thompson-deep-ranker', 'trending')
    """
    if kind != "recommend":
        return "-".join([kind, *degraded])
    return "-".join(["blend+thompson" if "ranker" in degraded else "ranker+thompson", *degraded])
