"""Rules of a slate: who may take the next position, in which order rules give way, and which of them changed it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hidden_gems.recommend.business import Business
from hidden_gems.recommend.exploration import Floats, Mask
from hidden_gems.recommend.limits import EARLY, Limits, neediest
from hidden_gems.recommend.live import LiveItems

LARGEST_SHARE = 0.4
"""Of a slate that one type, or one neighborhood, may take."""
RULES = ("ceiling", "share", "new_type", "new_neighborhood")
"""By name; `share` is the rare share and the floors."""
_HELD = ((0, 1, 2, 3), (0, 1, 2), (0, 1, 3), (0, 1), (2, 3), (2,), (3,))
"""Rules that hold together, tried in this order where nothing is left under those before: the neighborhood gives way,
then the type, then both, and a ceiling only where all candidates are at theirs. What is owed is always paid."""
TOLD = ("new_type", "new_neighborhood", "rare_share", "floor")
"""Reasons that an explanation may give."""

Codes = NDArray[np.int64]
Words = Sequence[str | None]


@dataclass(frozen=True)
class Constraint:
    """A rule that changed a position: the candidate of the largest utility stayed out, or a rule was given up."""

    reason: str  # of RULES, with rare_share and floor for share; business; gave_way
    kept_out: str | None  # word whose share is full, tier, gem, or the rule that gave way
    chosen: str | None  # the same of the gem that is shown

    @property
    def name(self) -> str:
        """As it is logged.

        Examples:
            >>> Constraint("floor", "Moda", "Balat").name, Constraint("new_type", "cafe", "bar").name
            ('floor:Balat', 'new_type:cafe')
        """
        if self.reason == "rare_share":
            return self.reason
        return f"{self.reason}:{self.chosen if self.reason == 'floor' else self.kept_out}"


@dataclass(frozen=True)
class Rules:
    """What holds for one slate, known before anything of it is drawn.

    At most 40 % of the positions are of one type, and of one neighborhood. Positions are kept for rare gems and for
    neighborhoods below their floor as soon as no more are left than are owed; a gem may pay for both. Gems at their
    ceiling stay out. All of it holds as long as there are candidates; else rules give way, see `_HELD`.

    Notation: n candidates.

    Args:
        limit: Positions.
        types: Number of each candidate's type, 0 where unknown, n.
        neighborhoods: The same of neighborhoods, n.
        rare: Of the rare tier, n.
        full: At their ceiling, n.
        need: See `Limits`, n.
        business: Says shares.
        words: Types, neighborhoods and ids of the candidates, for the log, n each.
    """

    limit: int
    types: Codes
    neighborhoods: Codes
    rare: Mask
    full: Mask
    need: Floats
    business: Business
    words: tuple[Words, Words, Words]
    _seen: dict[tuple[int, ...], tuple[tuple[Mask, ...], Mask]] = field(default_factory=dict, init=False, repr=False)
    _needy: Mask = field(init=False, repr=False)
    _owed: tuple[int, int] = field(init=False, repr=False)  # rare positions, and those of floors

    def __post_init__(self) -> None:
        able = ~self.full
        needy = neediest(self.need, able)
        rare = min(self.target, int((self.rare & able).sum()))
        most = math.ceil(EARLY * self.business.floor * self.limit)
        floors = min(most, int(needy.sum()), self.limit - rare)
        object.__setattr__(self, "_needy", needy)
        object.__setattr__(self, "_owed", (rare, floors))

    @classmethod
    def of(
        cls, items: LiveItems, rows: Codes, item_ids: Sequence[str], rare: Mask, limits: Limits, asked: int,
        business: Business,
    ) -> "Rules":  # fmt: skip
        """Rules for candidates of a catalogue; `asked` is the number of positions."""
        words = (items.types[rows].tolist(), items.neighborhoods[rows].tolist(), item_ids)
        return cls(
            limit=asked,
            types=items.type_codes[rows],
            neighborhoods=items.neighborhood_codes[rows],
            rare=rare,
            full=limits.full[rows],
            need=limits.need[rows],
            business=business,
            words=words,
        )

    @property
    def cap(self) -> int:
        """Positions that one word may take."""
        return math.ceil(LARGEST_SHARE * self.limit)

    @property
    def target(self) -> int:
        """Positions of rare gems; a single position is not one of a share."""
        return math.ceil(self.business.rare_share * self.limit - 1e-9) if self.limit > 1 else 0

    @property
    def most_explored(self) -> int:
        """Positions that may be explored."""
        return math.ceil(self.business.explored_share * self.limit - 1e-9)

    def kept_out(self, chosen: Sequence[int]) -> tuple[Mask, ...]:
        """Candidates that each rule keeps out after these, in the order of `RULES`, n each."""
        return self._judged(chosen)[0]

    def allowed(self, chosen: Sequence[int]) -> Mask:
        """Candidates that may come next, n."""
        return self._judged(chosen)[1]

    def _judged(self, chosen: Sequence[int]) -> tuple[tuple[Mask, ...], Mask]:
        """Both of the above, found once."""
        key = tuple(chosen)
        if key not in self._seen:
            taken = list(key)
            caps = (_full(codes, taken, self.cap) for codes in (self.types, self.neighborhoods))
            kept_out = (self.full, ~self._paying(taken), *caps)
            self._seen[key] = (kept_out, _left(kept_out, taken))
        return self._seen[key]

    def fired(self, utility: Floats, places: Sequence[int], added: Floats | None = None) -> dict[int, list[Constraint]]:
        """What changed the slate, by position.

        Args:
            utility: Mean of each candidate, n.
            places: Candidates that were drawn, in order.
            added: Part of the utility that is business weights, n.
        """
        found: dict[int, list[Constraint]] = {}
        left = utility.copy()
        for position, place in enumerate(places):
            before, best = places[:position], int(left.argmax())
            kept_out, able = self._judged(before)
            told = [] if able[best] else self._why(before, best, place)
            given_up = (rule for rule, out in zip(RULES, kept_out, strict=True) if out[place])
            told += [Constraint("gave_way", rule, self.words[2][place]) for rule in given_up]
            if added is not None:
                first, other = (int(np.where(able, each, -np.inf).argmax()) for each in (utility, utility - added))
                if first != other:
                    told.append(Constraint("business", self.words[2][other], self.words[2][first]))
            if told:
                found[position] = told
            left[place] = -np.inf
        return found

    def _why(self, before: Sequence[int], best: int, place: int) -> list[Constraint]:
        """Rules that keep the best one out and not the one that is shown."""
        types, neighborhoods, ids = self.words
        found = []
        for rule, kept_out in zip(RULES, self.kept_out(before), strict=True):
            if not kept_out[best] or kept_out[place]:
                continue
            if rule == "ceiling":
                found.append(Constraint(rule, ids[best], ids[place]))
            elif rule == "share":
                rare, floors = self._missing(list(before))
                if rare and self.rare[place]:
                    found.append(Constraint("rare_share", "popular", "rare"))
                if floors and self._needy[place]:
                    found.append(Constraint("floor", neighborhoods[best], neighborhoods[place]))
            else:
                words = types if rule == "new_type" else neighborhoods
                found.append(Constraint(rule, words[best], words[place]))
        return found

    def _missing(self, taken: list[int]) -> tuple[int, int]:
        """Positions that are still owed to rare gems, and to floors."""
        rare, floors = self._owed
        return max(rare - int(self.rare[taken].sum()), 0), max(floors - int(self._needy[taken].sum()), 0)

    def _paying(self, taken: list[int]) -> Mask:
        """Candidates that pay what is owed, n; all of them while positions are left for anything."""
        rare, floors = self._missing(taken)
        positions = min(self.limit, len(self.rare)) - len(taken)
        if rare + floors == 0 or rare + floors < positions:
            return np.ones(len(self.rare), dtype=bool)
        return (self.rare & (rare > 0)) | (self._needy & (floors > 0))


def explained(fired: Mapping[int, Sequence[Constraint]]) -> dict[int, Constraint]:
    """The rule of each position that an explanation names: the first of `TOLD`."""
    told = {position: [each for each in all_of if each.reason in TOLD] for position, all_of in fired.items()}
    return {position: those[0] for position, those in told.items() if those}


def _left(kept_out: tuple[Mask, ...], taken: list[int]) -> Mask:
    """Candidates that are left under as many rules as can hold, n."""
    left = np.ones(len(kept_out[0]), dtype=bool)
    left[taken] = False
    for held in _HELD:
        able = left.copy()
        for rule in held:
            able &= ~kept_out[rule]
        if able.any():
            return able
    return left


def _full(codes: Codes, taken: list[int], cap: int) -> Mask:
    """Candidates of a word that has taken its share, n; an unknown word, 0, never has."""
    if len(taken) < cap:
        return np.zeros(len(codes), dtype=bool)
    counts = np.bincount(codes[taken], minlength=int(codes.max()) + 1)
    counts[0] = 0
    return np.asarray((counts >= cap)[codes])
