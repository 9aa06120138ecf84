"""Floors of neighborhoods and ceilings of gems: which gems lately shown counts ask for, and which they keep out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.online.exposure import Exposure
from hidden_gems.recommend.business import Business
from hidden_gems.recommend.live import LiveItems

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

EARLY, BRAKE = 1.25, 0.9
"""Of a floor, where help begins; of a ceiling, where a gem is kept out: counts are known a little late."""
LEAST_SLATES = 50.0
"""Slates before which counts say nothing: no floor is missed, and ceilings are those of so many."""
_EVEN_SHARES = 2.0
_WIDEST = 9.0  # steps of the hidden factor, 1 to 10
_NEEDIEST = 0.5


@dataclass(frozen=True)
class Limits:
    """What counts of many slates say for the next one.

    Notation: I rows of the catalogue.
    """

    full: Mask  # gems at their ceiling, I
    need: Floats  # how far below its floor each gem's neighborhood is, 0 to 1 for one that was not shown at all, I

    @classmethod
    def of(cls, exposure: Exposure, items: LiveItems, business: Business) -> "Limits":
        """Judge every gem.

        Args:
            exposure: What was shown lately.
            items: The catalogue.
            business: Says floors and ceilings.
        """
        shown = exposure.of(items.index.ids)
        full = shown >= BRAKE * ceilings(exposure, items, business) * max(exposure.slates, LEAST_SLATES)
        need = 1.0 - shares(shown, items) / np.maximum(EARLY * business.floor, 1e-9)
        counts = business.floor > 0.0 and exposure.slates >= LEAST_SLATES
        need = np.where(counts & (items.neighborhood_codes > 0), np.maximum(need, 0.0), 0.0)
        full[0], need[0] = False, 0.0
        return cls(full, need)

    @classmethod
    def none(cls, items: LiveItems) -> "Limits":
        """Nothing is asked for where nothing is counted."""
        return cls(np.zeros(len(items.index), dtype=bool), np.zeros(len(items.index)))


def neediest(need: Floats, able: Mask) -> Mask:
    """Those who come first where not all can be helped, n: at least half as far below as the furthest of the able."""
    worst = float(need[able].max(initial=0.0))
    return able & (need > 0.0) & (need >= _NEEDIEST * worst)


def ceilings(exposure: Exposure, items: LiveItems, business: Business) -> Floats:
    """Share of slates that each gem may be in, I: falls with its hidden factor, the stand-in for how many it holds."""
    shown, gems = float(exposure.of(items.index.ids).sum()), max(len(items.index) - 1, 1)
    even = shown / max(exposure.slates, 1.0) / gems
    hidden = (np.nan_to_num(items.static["item_hidden_factor"], nan=1.0) - 1.0) / _WIDEST
    share = business.ceiling_open + (business.ceiling_hidden - business.ceiling_open) * hidden
    return np.minimum(np.maximum(share, _EVEN_SHARES * even), 1.0)


def shares(shown: Floats, items: LiveItems) -> Floats:
    """Impressions of each gem's neighborhood over those that its number of gems would give it, I.

    Args:
        shown: Impressions of each gem, I.
        items: The catalogue.
    """
    codes = items.neighborhood_codes
    known = codes[1:]
    found = np.bincount(known, weights=shown[1:], minlength=int(codes.max(initial=0)) + 1)
    even = np.bincount(known, minlength=len(found)) * shown[1:].sum() / max(len(known), 1)
    share = np.divide(found, even, out=np.zeros(len(found)), where=even > 0)
    return np.asarray(share[codes], dtype=np.float64)
