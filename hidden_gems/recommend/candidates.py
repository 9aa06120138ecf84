"""Candidate generation: a few hundred items for each person from several sources, each tagged with its sources."""

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Interactions, Rows

NO_ITEM = -1
"""Row that fills a list which ran out of candidates."""

Scores = NDArray[np.float32]
_CHUNK_CELLS = 2_000_000
_KM_PER_DEGREE = 111.2


@dataclass(frozen=True)
class CandidateConfig:
    """How many candidates, and how the sources share them."""

    size: int = 200
    whole_catalogue_up_to: int = 300  # items; such a catalogue is ranked as a whole
    recent_days: float = 30.0  # for recent popularity; a tenth of the log where times are only an order
    recent_places: int = 5  # places of the person that `nearby` starts from
    own_decay: float = 0.98  # weight of an own visit for each later one
    shares: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType(
            {
                "popular": 0.5,
                "recent_popular": 0.5,
                "nearby": 0.5,
                "own": 1.0,
                "new": 0.1,
                "floor": 0.1,
                "this_hour": 0.5,
            }
        )
    )  # how fast each source is drawn from; others given by the caller have 1


@dataclass(frozen=True)
class Candidates:
    """Candidates of B people, N places each, best guess first."""

    items: Rows  # item rows, `NO_ITEM` where short, B X N
    sources: NDArray[np.int64]  # bit s is set when source `names[s]` gave the item, B X N
    names: tuple[str, ...]

    def tags(self, person: int, place: int) -> tuple[str, ...]:
        """Names of the sources that gave one candidate."""
        return tuple(name for s, name in enumerate(self.names) if self.sources[person, place] >> s & 1)


class CandidateGenerator:
    """Candidates from popularity, recent popularity, places nearby, own places, new items, and scores of other models.

    Notation: U people and I items of the log, the unknown row 0 included.

    Args:
        config: Sizes.

    Examples:
        >>> rows = np.array([1, 1, 2])
        >>> log = Interactions(rows, np.array([1, 2, 2]), np.arange(3), np.ones(3, dtype=np.float32), users=4, items=4)
        >>> found = CandidateGenerator().fit(log).generate(np.array([2]))
        >>> found.items.tolist(), found.tags(0, 0)
        ([[1, 3]], ('popular', 'recent_popular', 'new'))
    """

    def __init__(self, config: CandidateConfig | None = None) -> None:
        self.config = config or CandidateConfig()

    def fit(
        self,
        log: Interactions,
        place: NDArray[np.float64] | None = None,
        created_at: NDArray[np.float64] | None = None,
        order_only: bool = False,
    ) -> Self:
        """Count what the sources need.

        Args:
            log: Positive interactions before the moment of the request.
            place: Latitude and longitude of each item in degrees, NaN where unknown, I X 2.
            created_at: When each item came into the catalogue, epoch seconds, NaN where unknown, I; the first
                interaction stands for it.
            order_only: Timestamps are an order.
        """
        self.items = log.items
        self._place = np.full((log.items, 2), np.nan) if place is None else place
        self.popular = np.bincount(log.item, weights=log.reward, minlength=log.items).astype(np.float64)
        recent = _recent(log, self.config.recent_days, order_only)
        self._recent = np.bincount(log.item[recent], weights=log.reward[recent], minlength=log.items)
        first = np.full(log.items, np.inf)
        np.minimum.at(first, log.item, log.timestamp)
        born = first if created_at is None else np.where(np.isnan(created_at), first, created_at)
        self._born = np.where(np.isfinite(born), born, -np.inf)
        self._finish()
        return self._remember(log)

    def with_history(self, log: Interactions) -> Self:
        """The same items with the people of another log, which is remembered instead.

        Args:
            log: Positive interactions in the same item rows, oldest first; nobody's, where U is 1.
        """
        return copy.copy(self)._remember(log)

    def without_people(self) -> Self:
        """The same items and nobody's history."""
        nothing = np.empty(0, dtype=np.int64)
        return self.with_history(Interactions(nothing, nothing, nothing, np.empty(0, np.float32), 1, self.items))

    def save(self, path: Path) -> None:
        """Write what is known about items; nothing that belongs to a person."""
        np.savez(path, place=self._place, popular=self.popular, recent=self._recent, born=self._born)

    @classmethod
    def load(cls, path: Path, config: CandidateConfig | None = None) -> Self:
        """Read what `save` wrote; nobody's history is known."""
        generator = cls(config)
        with np.load(path) as file:
            generator._place, generator.popular = file["place"], file["popular"]
            generator._recent, generator._born = file["recent"], file["born"]
        generator.items = len(generator.popular)
        generator._finish()
        return generator.without_people()

    def _finish(self) -> None:
        self._popular_place = np.empty(self.items)
        self._popular_place[np.argsort(-self.popular[1:], kind="stable") + 1] = np.arange(1.0, self.items)
        self._popular_place[0] = np.inf

    def _remember(self, log: Interactions) -> Self:
        later = _later_of_the_same(log.user)
        shape = (log.users, log.items)
        self._own = sparse.coo_array((self.config.own_decay**later, (log.user, log.item)), shape=shape).tocsr()
        self._seen = self._own.astype(bool).astype(np.int8)
        last = later < self.config.recent_places
        self._last = np.zeros((log.users, self.config.recent_places), dtype=np.int64)  # 0 where there is none
        self._last[log.user[last], later[last]] = log.item[last]
        self._last[0] = 0
        return self

    def generate(
        self,
        users: Rows,
        repeat: bool = False,
        given: Mapping[str, Scores] | None = None,
        hidden: sparse.csr_array | None = None,
    ) -> Candidates:
        """Candidates of these people.

        The sources are merged by rank over share: the best of each come first. Popularity fills what is left.

        Args:
            users: Rows of the people, B; row 0 and people without history are cold: only general sources find for them.
            repeat: Whether items the person knows may come again.
            given: Scores of other models by source name, each B X I; -inf where an item is out of the question.
            hidden: Stored entries are left out besides, B X I.
        """
        given = given or {}
        names = ("popular", "recent_popular", "nearby", "own", "new", *given)
        step = max(1, _CHUNK_CELLS // self.items)
        parts, width = [], self._width
        for start in range(0, len(users), step):
            part = slice(start, start + step)
            out = self._left_out(users[part], repeat, None if hidden is None else hidden[part])
            ours = self._sources(users[part])
            parts.append(self._merge(out, ours | {name: table[part] for name, table in given.items()}, width))
        items = np.concatenate([found for found, _ in parts] or [np.empty((0, width), dtype=np.int64)])
        sources = np.concatenate([bits for _, bits in parts] or [np.empty((0, width), dtype=np.int64)])
        filled = (items != NO_ITEM).any(axis=0)  # a catalogue that is known as a whole needs no more columns
        return Candidates(items[:, filled], sources[:, filled], names)

    def for_one(
        self,
        liked: Rows,
        out: NDArray[np.bool_],
        given: Mapping[str, NDArray[np.floating]],
        off: Collection[str] = (),
    ) -> Candidates:
        """Candidates of one person, by the same sources as `generate`, without building tables of people.

        Args:
            liked: Items the person liked, each once, oldest first.
            out: Items that are out of the question; row 0 always is, size I.
            given: Scores of other sources, each of size I; -inf where a source does not find the item. One with the
                name of our own stands for it: by itself, `nearby` starts from the last places of the person.
            off: Sources that are not asked; popularity still fills what the others leave.
        """
        own = np.zeros((1, self.items))
        np.add.at(own[0], liked, self.config.own_decay ** np.arange(len(liked) - 1, -1, -1.0))
        place = self._place[liked[::-1][: self.config.recent_places]]
        sources = self._of_ours(own, place[None]) | {name: scores[None, :] for name, scores in given.items()}
        sources = {name: scores for name, scores in sources.items() if name not in off}
        never = out | (np.arange(self.items) == 0)
        items, bits = self._merge(never[None, :], sources, self._width)
        found = items[0] != NO_ITEM
        return Candidates(items[:, found], bits[:, found], ("popular", *sources))

    def with_items(self, place: NDArray[np.float64], born: NDArray[np.float64]) -> Self:
        """The same sources over a catalogue that has grown at its end by items that nobody has liked.

        Args:
            place: Latitude and longitude of every item, NaN where unknown, I X 2.
            born: When each new item came, epoch seconds.
        """
        grown, nothing = copy.copy(self), np.zeros(len(born))
        grown.items, grown._place, grown._born = len(place), place, np.append(self._born, born)
        grown.popular, grown._recent = np.append(self.popular, nothing), np.append(self._recent, nothing)
        grown._finish()
        return grown.without_people()

    @property
    def place(self) -> NDArray[np.float64]:
        """Latitude and longitude of each item, NaN where unknown, I X 2."""
        return self._place

    @property
    def _width(self) -> int:
        known = self.items - 1
        return known if known <= self.config.whole_catalogue_up_to else min(self.config.size, known)

    def _left_out(self, users: Rows, repeat: bool, hidden: sparse.csr_array | None) -> NDArray[np.bool_]:
        out = np.zeros((len(users), self.items), dtype=bool)
        out[:, 0] = True
        if not repeat:
            out |= self._seen[users].toarray() > 0
        if hidden is not None:
            out |= hidden.toarray() != 0
        return out

    def _merge(
        self, out: NDArray[np.bool_], sources: Mapping[str, NDArray[np.floating]], width: int
    ) -> tuple[Rows, NDArray[np.int64]]:
        """Merge sources by rank over share; `out` is B X I, the scores B X I or 1 X I."""
        rows, shares = np.arange(len(out))[:, None], self.config.shares
        place = np.where(out, np.inf, self._popular_place / shares["popular"])  # rank over share, B X I
        bits = np.where(~out & (self._popular_place <= width), 1, 0)
        for s, (name, scores) in enumerate(sources.items(), start=1):
            table = np.where(out, -np.inf, scores)
            order = _best(table, width)
            found = np.take_along_axis(table, order, axis=1) > -np.inf
            rank = np.where(found, np.arange(1.0, width + 1.0), np.inf) / shares.get(name, 1.0)
            place[rows, order] = np.minimum(place[rows, order], rank)
            bits[rows, order] |= found.astype(np.int64) << s
        best = _best(-place, width)
        reached = np.isfinite(np.take_along_axis(place, best, axis=1))
        return np.where(reached, best, NO_ITEM), np.where(reached, np.take_along_axis(bits, best, axis=1), 0)

    def _sources(self, users: Rows) -> dict[str, NDArray[np.floating]]:
        """Scores of our own sources, each B X I or 1 X I; -inf where a source does not find the item."""
        last = self._last[users]
        place = np.where((last > 0)[..., None], self._place[last], np.nan)
        return self._of_ours(self._own[users].toarray(), place)

    def _of_ours(self, own: NDArray[np.float64], place: NDArray[np.float64]) -> dict[str, NDArray[np.floating]]:
        """Scores of our own sources from weights of own visits, B X I, and places to start from, B X P X 2."""
        return {
            "recent_popular": np.where(self._recent > 0, self._recent, -np.inf)[None, :],
            "nearby": self._nearness(place),
            "own": np.where(own > 0, own, -np.inf),
            "new": self._born[None, :],
        }

    def _nearness(self, place: NDArray[np.float64]) -> NDArray[np.float64]:
        """Minus the kilometres to the nearest of P places of B people, B X I; -inf where not known."""
        nearest = np.full((len(place), self.items), np.inf)
        north, east = self._place.T
        for lat, lon in place.transpose(1, 2, 0):
            shrink = np.cos(np.radians(lat))[:, None]
            distance = np.hypot(north - lat[:, None], (east - lon[:, None]) * shrink) * _KM_PER_DEGREE
            nearest = np.fmin(nearest, distance)
        return -nearest


def _best(table: NDArray[np.floating], width: int) -> Rows:
    """Columns of the `width` largest of each row, largest first."""
    if width < table.shape[1]:
        chosen = np.sort(np.argpartition(-table, width - 1, axis=1)[:, :width], axis=1)
    else:
        chosen = np.broadcast_to(np.arange(table.shape[1]), table.shape)
    order = np.argsort(-np.take_along_axis(table, chosen, axis=1), axis=1, kind="stable")
    return np.take_along_axis(chosen, order, axis=1)


def _recent(log: Interactions, days: float, order_only: bool) -> NDArray[np.bool_]:
    """Interactions of the last days of the log, or of its last tenth where times are only an order, E."""
    if order_only or not len(log.timestamp):
        return np.arange(len(log.timestamp)) >= int(0.9 * len(log.timestamp))
    return np.asarray(log.timestamp > log.timestamp.max() - days * DAY_SECONDS)


def _later_of_the_same(user: Rows) -> NDArray[np.int64]:
    """How many later interactions each one's person has, E; the log is oldest first."""
    order = np.argsort(user, kind="stable")
    ends = np.searchsorted(user[order], user[order], side="right")
    later = np.empty(len(user), dtype=np.int64)
    later[order] = ends - 1 - np.arange(len(user))
    return later
