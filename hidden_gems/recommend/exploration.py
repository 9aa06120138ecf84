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
_WIDER = 8.5  # the same for a probability below `_SMALL`, of which one in a million is much: less than one in 10^16
_SMALL = 0.001
_STEP = 0.85  # width of a step of the quadrature, in the smallest spread that matters there


@dataclass(frozen=True, eq=False)
class Step:
    """What one position was drawn from, m candidates of n."""

    able: NDArray[np.int64]  # numbers of the candidates that were left and allowed, m
    utility: Floats  # u - t of each, m
    spread: Floats  # s of each, m
    explored_share: float

    def probability(self, candidate: int) -> float:
        """Of one of the n candidates to be drawn here; 0 for one that was not allowed."""
        if candidate not in self.able:
            return 0.0
        at = int(np.flatnonzero(self.able == candidate)[0])
        largest = largest_probability(self.utility, self.spread, at)
        if at == int(np.argmax(self.utility)) or self.explored_share == 1.0:
            return max(largest, 1.0 - self.explored_share)
        return largest * _asked(self.utility, self.spread, self.explored_share, largest)

    def probabilities(self) -> Floats:
        """Of each of the m to be drawn here, in their order, m; they add up to 1, each to a millionth."""
        largest, share = _all_largest(self.utility, self.spread), self.explored_share
        leader = int(np.argmax(self.utility))
        if share == 1.0:
            return largest
        explores = np.maximum(np.maximum(1.0 - largest[leader], largest), np.finfo(np.float64).tiny)
        found = largest * np.minimum(share / explores, 1.0)
        found[leader] = max(float(largest[leader]), 1.0 - share)
        return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True)
class Drawn:
    """Candidates in the order of their positions, k of them."""

    places: tuple[int, ...]  # numbers of the candidates
    propensities: tuple[float, ...]  # of each one at its position, given the ones before it
    explored: tuple[bool, ...] = ()  # whether another one that might have stood there has a larger u
    without: tuple[int, ...] = ()  # who the same samples would have shown there, had nothing been `taken`
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
    taken: Callable[[Sequence[int]], Floats] | None = None,
    explored_share: float = 1.0,
) -> Drawn:
    """Fill positions one after another, each by Thompson's rule.

    At every position each candidate that is left and allowed has a utility of Normal(u - t, s), where t is what those
    above take from it; a fresh sample of each is drawn and the largest is shown. Of equal samples, which only spreads
    of 0 give, the first one is.

    Where another one than that of the largest u - t, the leader, would be shown with a probability e above the
    explored share b, samples are asked with probability b / e, else the leader is shown. So the leader's propensity is
    1 - b and that of each other one b / e times its probability of being the largest: no position is more than b
    explored, and where b is above 0 none is certain because of it.

    Args:
        utility: u of each candidate, finite, size n.
        spread: s of each candidate, 0 or more, size n; see `effective_spread`.
        limit: Positions, k; fewer are filled where candidates run out.
        random: Where the samples come from.
        allowed: Which of the n candidates may take the next position, given those chosen so far; it may ignore that
            these are taken. All may by default. Where none may, the draw ends.
        taken: t of each candidate, given those chosen so far, size n; 0 by default.
        explored_share: b, 0 to 1; 1 is no bound.

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
    positions: list[tuple[int, float, bool, int, Step]] = []
    places: tuple[int, ...] = ()
    for _ in range(min(limit, len(utility))):
        able = np.flatnonzero(left if allowed is None else left & allowed(places))
        if not len(able):
            break
        whole, s = utility[able], spread[able]
        u = whole if taken is None else whole - taken(places)[able]
        best, propensity, noise = _position(u, s, explored_share, random)
        places = (*places, int(able[best]))
        without = int(able[np.argmax(whole + noise)])
        step = Step(able, u, s, explored_share)
        positions.append((places[-1], propensity, bool(u[best] < u.max()), without, step))
        left[able[best]] = False
    return Drawn(*zip(*positions, strict=True)) if positions else Drawn((), ())


def _position(
    utility: Floats, spread: Floats, explored_share: float, random: np.random.Generator
) -> tuple[int, float, Floats]:
    """One of n candidates, how likely it was, and what the samples differed from the means by, n."""
    leader, noise = int(np.argmax(utility)), spread * random.standard_normal(len(utility))
    best = int(np.argmax(utility + noise))
    largest = largest_probability(utility, spread, best)
    if best == leader or explored_share == 1.0:
        return best, max(largest, 1.0 - explored_share), noise
    asked = _asked(utility, spread, explored_share, largest)
    if random.random() < asked:
        return best, asked * largest, noise
    return leader, 1.0 - explored_share, np.zeros(len(utility))


def _asked(utility: Floats, spread: Floats, explored_share: float, largest: float) -> float:
    """Probability with which samples are asked; `largest` is that of one who does not lead to have the largest."""
    leads = largest_probability(utility, spread, int(np.argmax(utility)))
    explores = max(1.0 - leads, largest)  # the second where the first rounds to 0
    return explored_share / explores if explores > explored_share else 1.0


def largest_probability(utility: Floats, spread: Floats, chosen: int) -> float:
    """Probability that one of n normal samples is the largest, to a thousandth of itself.

    Below one in a million to a hundredth of itself, and 0.0 only for what no sample shows in 10^15 draws.

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
    if spread[chosen] == 0.0 or len(utility) == 1:
        return float(chosen == int(np.argmax(utility)))
    found = _integral(utility, spread, chosen, _REACH)
    return found if found >= _SMALL else _integral(utility, spread, chosen, _WIDER)


def _integral(utility: Floats, spread: Floats, chosen: int, reach: float) -> float:
    """`largest_probability` for spreads above 0, of samples no further than so many spreads from their means."""
    u, s = float(utility[chosen]), float(spread[chosen])
    low = max(float((utility - reach * spread).max()), u - reach * s)
    high = u + reach * s
    if high <= low:
        return 0.0
    rivals = np.flatnonzero(utility + reach * spread > low)  # the others are below all the way
    step = _STEP * float(spread[rivals].min())
    x, width = np.linspace(low, high, max(int((high - low) / step), 2) + 1, retstep=True)  # Q
    z = (x - u) / s
    density = np.exp(-0.5 * z * z) / (s * np.sqrt(2.0 * np.pi))
    rivals = rivals[rivals != chosen]
    below = ndtr((x - utility[rivals, None]) / spread[rivals, None]).prod(axis=0)  # of n - 1 X Q
    return float(np.clip(width * (density @ below), 0.0, 1.0))


def _all_largest(utility: Floats, spread: Floats) -> Floats:
    """`largest_probability` of each of n, on one grid for all of them; below a millionth it may be 0."""
    found = np.zeros(len(utility))
    if spread.max() == 0.0:
        found[int(np.argmax(utility))] = 1.0
        return found
    low, high = float((utility - _REACH * spread).max()), utility + _REACH * spread
    rivals = np.flatnonzero(high > low)  # the others are below all the way
    u, s = utility[rivals, None], spread[rivals, None]
    step = _STEP * float(s.min())
    x, width = np.linspace(low, float(high.max()), max(int((float(high.max()) - low) / step), 2) + 1, retstep=True)  # Q
    z = (x - u) / s
    below = ndtr(z)  # never 0: no z is below -_REACH
    density = np.exp(-0.5 * z * z) / (s * np.sqrt(2.0 * np.pi))
    found[rivals] = width * (density / below * below.prod(axis=0)).sum(axis=1)
    return np.asarray(found / found.sum(), dtype=np.float64)
