"""Rules of a slate: who may take the next position, what likeness takes from it, and what of this changed a place."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hidden_gems.recommend.business import Business
from hidden_gems.recommend.exploration import Drawn, Floats, Mask
from hidden_gems.recommend.limits import EARLY, Limits, neediest
from hidden_gems.recommend.live import LiveItems

RULES = ("ceiling", "share")
"""By name; `share` is the rare share and the floors. What is owed is paid, and ceilings hold, until all candidates are
at theirs."""
TOLD = ("rare_share", "floor", "new_type", "new_neighborhood")
"""Reasons that an explanation may give."""

Codes = NDArray[np.int64]
Words = Sequence[str | None]


@dataclass(frozen=True)
class Constraint:
    """What changed a position: the candidate of the largest utility stayed out, or a rule was given up."""

    reason: str  # ceiling, rare_share, floor, new_type, new_neighborhood, business, gave_way
    kept_out: str | None  # type, neighborhood, tier or gem of who stayed out, or the rule that gave way
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

    Positions are kept for rare gems and for neighborhoods below their floor as soon as no more are left than are owed;
    a gem may pay for both. Gems at their ceiling stay out. Both hold as long as there are candidates. Beside them,
    gems like those above lose utility, see `taken`.

    Notation: n candidates.

    Args:
        limit: Positions.
        types: Number of each candidate's type, 0 where unknown, n.
        neighborhoods: The same of neighborhoods, n.
        rare: Of the rare tier, n.
        full: At their ceiling, n.
        need: See `Limits`, n.
        business: Says shares, and what likeness takes.
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
    def target(self) -> int:
        """Positions of rare gems; a single position is not one of a share."""
        return math.ceil(self.business.rare_share * self.limit - 1e-9) if self.limit > 1 else 0

    def taken(self, chosen: Sequence[int]) -> Floats:
        """Utility that likeness to these takes from each candidate, n.

        Maximal marginal relevance: the next one is the i of the largest u_i - w max_j sim(i, j) over those j above. w
        is `diversity`; sim is 1 for the same type and neighborhood, 0.5 for one of the two; unknown is like nothing.

        Source:
            Carbonell and Goldstein (1998), The Use of MMR, Diversity-Based Reranking. Their relevance is weighted with
            1 - w; ours keeps its unit.
        """
        if not chosen:
            return np.zeros(len(self.types))
        return np.asarray(self.business.diversity * self._alike(chosen).max(axis=1))

    def _alike(self, chosen: Sequence[int]) -> Floats:
        """Similarity of each candidate to each of these, n X m."""
        taken = list(chosen)
        same = [(codes[:, None] == codes[taken]) & (codes > 0)[:, None] for codes in (self.types, self.neighborhoods)]
        return np.asarray(0.5 * (same[0].astype(np.float64) + same[1]))

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
            kept_out = (self.full, ~self._paying(taken))
            left = np.ones(len(self.types), dtype=bool)
            left[taken] = False
            able = left & ~kept_out[0] & ~kept_out[1]
            self._seen[key] = (kept_out, able if able.any() else left)
        return self._seen[key]

    def fired(self, utility: Floats, drawn: Drawn, added: Floats | None = None) -> dict[int, list[Constraint]]:
        """What changed the slate, by position.

        Args:
            utility: Mean of each candidate, n.
            drawn: The slate.
            added: Part of the utility that is business weights, n.
        """
        found: dict[int, list[Constraint]] = {}
        for position, place in enumerate(drawn.places):
            before = drawn.places[:position]
            kept_out, able = self._judged(before)
            left = utility - self.taken(before)
            left[list(before)] = -np.inf
            best = int(left.argmax())
            told = [] if able[best] else self._why(before, best, place)
            given_up = (rule for rule, out in zip(RULES, kept_out, strict=True) if out[place])
            told += [Constraint("gave_way", rule, self.words[2][place]) for rule in given_up]
            told += self._unlike(before, drawn.without[position], place)
            if added is not None:
                first, other = (int(np.where(able, each, -np.inf).argmax()) for each in (left, left - added))
                if first != other:
                    told.append(Constraint("business", self.words[2][other], self.words[2][first]))
            if told:
                found[position] = told
        return found

    def _why(self, before: Sequence[int], best: int, place: int) -> list[Constraint]:
        """Rules that keep the best one out and not the one that is shown."""
        _, neighborhoods, ids = self.words
        found = []
        for rule, kept_out in zip(RULES, self.kept_out(before), strict=True):
            if not kept_out[best] or kept_out[place]:
                continue
            if rule == "ceiling":
                found.append(Constraint(rule, ids[best], ids[place]))
            else:
                rare, floors = self._missing(list(before))
                if rare and self.rare[place]:
                    found.append(Constraint("rare_share", "popular", "rare"))
                if floors and self._needy[place]:
                    found.append(Constraint("floor", neighborhoods[best], neighborhoods[place]))
        return found

    def _unlike(self, before: Sequence[int], other: int, place: int) -> list[Constraint]:
        """By what the other one, shown here if likeness took nothing, is like one above, and the one shown is not."""
        if other == place:
            return []
        above = before[int(self._alike(before)[other].argmax())]
        found = []
        for reason, codes, words in zip(TOLD[2:], (self.types, self.neighborhoods), self.words, strict=False):
            if codes[other] == codes[above] > 0 and codes[place] != codes[above]:
                found.append(Constraint(reason, words[other], words[place]))
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
