"""The draw: which candidate is shown at each position, and exactly how likely that was."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

SHARPEST = 0.125
"""The smallest spread in a draw, as a share of the largest: a belief may be sharper, its sample need not be."""

_REACH = 5.0  # spreads beyond which a normal sample is not looked for: less than one in a million
_STEP = 0.85  # width of a step of the quadrature, in the smallest spread that matters there


@dataclass(frozen=True, eq=False)
class Step:
    """What one position was drawn from, m candidates of n."""

    able: NDArray[np.int64]  # numbers of the candidates that were left and allowed, m
    utility: Floats  # u of each, m
    spread: Floats  # s of each, 0 where nothing was explored, m

    def probability(self, candidate: int) -> float:
        """Of one of the n candidates to be drawn here; 0 for one that was not allowed."""
        [at] = np.nonzero(self.able == candidate)
        return largest_probability(self.utility, self.spread, int(at[0])) if len(at) else 0.0


@dataclass(frozen=True)
class Drawn:
    """Candidates in the order of their positions, k of them."""

    places: tuple[int, ...]  # numbers of the candidates
    propensities: tuple[float, ...]  # of each one at its position, given the ones before it
    explored: tuple[bool, ...] = ()  # whether another one that might have stood there has a larger u
    steps: tuple[Step, ...] = field(default=(), compare=False)


def effective_spread(spread: Floats) -> Floats:
    """The spreads that a draw really uses, size n: none is below an eighth of the largest."""
    return np.asarray(np.maximum(spread, SHARPEST * spread.max(initial=0.0)), dtype=np.float64)


def draw(
    utility: Floats,
    spread: Floats,
    limit: int,
    random: np.random.Generator,
    allowed: Callable[[Sequence[int]], Mask] | None = None,
    most_explored: int | None = None,
) -> Drawn:
    """Fill positions one after another, each by Thompson's rule.

    At every position each candidate that is left and allowed has a utility of Normal(u, s); a fresh sample of each is
    drawn and the largest is shown. Of equal samples, which only spreads of 0 give, the first one is.

    Args:
        utility: u of each candidate, finite, size n.
        spread: s of each candidate, 0 or more, size n; see `effective_spread`.
        limit: Positions, k; fewer are filled where candidates run out.
        random: Where the samples come from.
        allowed: Which of the n candidates may take the next position, given those chosen so far; it may ignore that
            these are taken. All may by default. Where none may, the draw ends.
        most_explored: Positions that may be explored; once they are, the largest u is shown at each. None is no bound.

    Source:
        Thompson (1933), On the Likelihood that One Unknown Probability Exceeds Another. Fresh samples at each position
        are ours: they keep the propensity of a position a one-dimensional integral.

    Examples:
        >>> found = draw(np.array([0.0, 2.0, 1.0]), np.zeros(3), 2, np.random.default_rng(0))
        >>> found.places, found.propensities
        ((1, 2), (1.0, 1.0))
    """
    spread = effective_spread(spread)
    left = np.ones(len(utility), dtype=bool)
    places: list[int] = []
    propensities: list[float] = []
    explored: list[bool] = []
    steps: list[Step] = []
    for _ in range(min(limit, len(utility))):
        able = np.flatnonzero(left if allowed is None else left & allowed(tuple(places)))
        if not len(able):
            break
        u, s = utility[able], spread[able]
        if most_explored is not None and sum(explored) >= most_explored:
            s = np.zeros(len(able))
        best = int(np.argmax(u + s * random.standard_normal(len(able))))
        places.append(int(able[best]))
        propensities.append(largest_probability(u, s, best))
        explored.append(bool(u[best] < u.max()))
        left[able[best]] = False
        steps.append(Step(able, u, s))
    return Drawn(tuple(places), tuple(propensities), tuple(explored), tuple(steps))


def largest_probability(utility: Floats, spread: Floats, chosen: int) -> float:
    """Probability that one of n normal samples is the largest, to 1e-4.

    The integral of the density of the chosen one times the distribution functions of all others, by the trapezoid
    rule: the integrand is smooth and vanishes at both ends, where that rule converges faster than any power.

    Args:
        utility: Means, size n.
        spread: Standard deviations, size n; either all are 0, or none is below `SHARPEST` of the largest.
        chosen: Number of the one.

    Source:
        Trefethen and Weideman (2014), The Exponentially Convergent Trapezoidal Rule.

    Examples:
        >>> round(largest_probability(np.array([0.3, 0.3, 0.3, 0.3]), np.ones(4), 2), 4)
        0.25
    """
    u, s = float(utility[chosen]), float(spread[chosen])
    if s == 0.0:
        return float(chosen == int(np.argmax(utility)))
    low = max(float((utility - _REACH * spread).max()), u - _REACH * s)
    high = u + _REACH * s
    if high <= low:
        return 0.0
    rivals = np.flatnonzero(utility + _REACH * spread > low)  # the others are below all the way
    step = _STEP * float(spread[rivals].min())
    x, width = np.linspace(low, high, max(int((high - low) / step), 2) + 1, retstep=True)  # Q
    z = (x - u) / s
    density = np.exp(-0.5 * z * z) / (s * np.sqrt(2.0 * np.pi))
    rivals = rivals[rivals != chosen]
    below = ndtr((x - utility[rivals, None]) / spread[rivals, None]).prod(axis=0)  # of n - 1 X Q
    return float(np.clip(width * (density @ below), 0.0, 1.0))
