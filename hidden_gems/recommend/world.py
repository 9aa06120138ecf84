"""What one request sees from start to end, and what keeps it up to date between requests."""

import logging
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core import names
from hidden_gems.core.clock import HOUR_SECONDS
from hidden_gems.core.errors import HiddenGemsError, PartUnavailableError
from hidden_gems.core.kv import BATCH, KeyValue
from hidden_gems.datasets.contract import WEATHER_ALIASES
from hidden_gems.datasets.dataset import About
from hidden_gems.events.records import BadRecordError, ItemChange
from hidden_gems.features.hot_store import HotStore
from hidden_gems.features.live_rows import ItemRows
from hidden_gems.features.raw import WEATHER_SEVERITY
from hidden_gems.features.request import RequestContext
from hidden_gems.features.rows import NEW, NEW_USER, UserRow
from hidden_gems.models.blend import Blend
from hidden_gems.online.state import OnlineState, follow
from hidden_gems.recommend.business import Business, BusinessFile, shipped
from hidden_gems.recommend.certainty import Certainty
from hidden_gems.recommend.limits import Limits
from hidden_gems.recommend.live import LiveItems
from hidden_gems.recommend.tables import ReleaseTables

POLL_SECONDS = 0.5
_QUARTER_SECONDS, _AROUND_SECONDS = 900, 5_400
_OVERLAP = 100
"""Notes of a feed that are read again: writers number their notes before they write them."""
_log = logging.getLogger("gems")


@dataclass(frozen=True)
class World:
    """One release and one state of everything live; never changed, replaced as a whole."""

    release: str  # version
    about: About  # of the data behind the release
    models: tuple[str, ...]  # in the order of the rows of the served graph's scores
    items: LiveItems
    rows: ItemRows
    online: OnlineState | None = None
    new_user: UserRow = NEW_USER  # row of everybody the store does not know
    blend: Blend | None = None  # of the release, for a ranker that is away
    trends: bool = True  # what was liked this week finds candidates
    business: Business = field(default_factory=shipped)
    certainty: Certainty = field(default_factory=Certainty)  # of the release
    _weeks: dict[int, NDArray[np.float64]] = field(default_factory=dict, init=False, repr=False)
    _hours: dict[int, NDArray[np.float64]] = field(default_factory=dict, init=False, repr=False)

    def week(self, timestamp: int) -> NDArray[np.float64]:
        """Likes of every gem in the 7 days before the hour of a second, I; -inf where there are none."""
        hour = timestamp - timestamp % HOUR_SECONDS
        if hour not in self._weeks:
            likes = self.rows.columns(self.items.index.ids, hour)["item_likes_7d"]
            self._weeks[hour] = np.where(likes > 0, likes, -np.inf)
        return self._weeks[hour]

    @cached_property
    def limits(self) -> Limits:
        """What was shown lately asks of the next slates; nothing without an online state."""
        if self.online is None:
            return Limits.none(self.items)
        return Limits.of(self.online.exposure, self.items, self.business)

    def this_hour(self, at: RequestContext) -> NDArray[np.float64]:
        """What is liked at this hour of the day in this weather, I; -inf where nothing is, or times are only an order.

        Likes of four weeks within an hour and a half of this time of day; the worse the weather, the less those of
        gems under the open sky count.
        """
        if at.order_only:
            return np.full(len(self.items.index), -np.inf)
        quarter = at.timestamp - at.timestamp % _QUARTER_SECONDS
        if quarter not in self._hours:
            self._hours[quarter] = self.rows.likes_around(self.items.index.ids, quarter, _AROUND_SECONDS)
        severity = WEATHER_SEVERITY.get(WEATHER_ALIASES.get(at.weather or "", at.weather or ""), 0.0)
        likes = self._hours[quarter] * (1.0 - severity * np.nan_to_num(self.items.static["item_setting"], nan=0.5))
        return np.where(likes > 0.0, likes, -np.inf)

    def as_released(self) -> Self:
        """The same for who stays with the release: no online state, and no candidates out of this week's likes.

        Rows and gems stay as they are now: models are compared, not how fresh their features are.
        """
        return replace(self, online=None, trends=False)

    @property
    def released(self) -> bool:
        """Whether it is what `as_released` gives."""
        return not self.trends

    @classmethod
    def of(
        cls,
        version: str,
        about: About,
        models: Sequence[str],
        tables: ReleaseTables,
        blend: Blend | None = None,
        certainty: Certainty | None = None,
    ) -> Self:
        """A release as it was made, before anything of the store is known."""
        items, sure = LiveItems.of(tables, {}), certainty or Certainty()
        return cls(version, about, tuple(models), items, ItemRows.of({}), blend=blend, certainty=sure)


@dataclass
class Following:
    """A world that a thread keeps up to date: item rows, changed gems, the online state, the business file.

    Where the store does not answer, everything stays as last seen, and `reached` says so.

    Args:
        world: Of the release.
        keys: The store.
        poll_seconds: How often the feeds are read.
        business: File with the rules and weights; None keeps those of the world.
    """

    world: World
    keys: KeyValue
    poll_seconds: float = POLL_SECONDS
    business: BusinessFile | None = None
    reached: bool = field(default=False, init=False)
    _rows_at: int = field(default=-1, init=False)
    _items_at: int = field(default=-1, init=False)
    _changes: dict[str, ItemChange] = field(default_factory=dict, init=False)
    _loaded: bool = field(default=False, init=False)
    _ended: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def start(self) -> Self:
        """Read everything once, as far as the store answers, and follow from now on."""
        self.refresh()
        self._thread = threading.Thread(
            target=_follow, args=(weakref.ref(self), self._ended), name="world", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Follow no longer; the world stays as it is. A `Following` that nobody holds stops by itself."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def refresh(self) -> bool:
        """Take what changed; whether the store answered."""
        if self.business is not None and (asked := self.business.look()) != self.world.business:
            self.world = replace(self.world, business=asked)
        try:
            world = self._items(self.world)
            world = self._online(self._rows(world))
        except PartUnavailableError as error:
            if self.reached or not self._loaded:
                _log.warning("%s; gems, rows and beliefs stay as last seen", error)
            self.reached = False
            return False
        except (HiddenGemsError, ValueError) as error:
            _log.error("what is live cannot be read and stays as it is: %s", error)
            return False
        world.limits  # noqa: B018  (found here, so that no request waits for it)
        self.world, self.reached, self._loaded = world, True, True
        return True

    def _items(self, world: World) -> World:
        noted = self.keys.marked_since(names.ITEM_CHANGES, self._items_at - _OVERLAP)
        fresh = self._fresh_changes([name for name, _ in noted])
        self._items_at = max([self._items_at, *(score for _, score in noted)])
        if not fresh:
            return world
        self._changes = self._changes | fresh
        return replace(world, items=LiveItems.of(world.items.tables, self._changes))

    def _fresh_changes(self, item_ids: Sequence[str]) -> dict[str, ItemChange]:
        found = {}
        for start in range(0, len(item_ids), BATCH):
            chunk = item_ids[start : start + BATCH]
            for name, value in zip(chunk, self.keys.get([names.live_item(each) for each in chunk]), strict=True):
                try:
                    change = None if value is None else ItemChange.from_json(value)
                except BadRecordError as error:
                    _log.error("the change of a gem under %r cannot be read: %s", names.live_item(name), error)
                    continue
                if change is not None and self._changes.get(name) != change:
                    found[name] = change
        return found

    def _rows(self, world: World) -> World:
        store = HotStore(self.keys)
        if not self._loaded:  # the feed starts before the rows, so that nothing falls between the two
            noted = self.keys.marked_since(names.ROW_CHANGES, -1)
            [new] = store.read_users([NEW])
            world = replace(
                world,
                rows=ItemRows.read(store, world.items.attributes.ids),
                new_user=new.row if new else NEW_USER,
            )
            self._rows_at = max((score for _, score in noted), default=-1)
            return world
        noted = self.keys.marked_since(names.ROW_CHANGES, self._rows_at - 1)
        changed = [name for name, _ in noted]
        if not changed:
            return world
        rows = {
            name: found.row for name, found in zip(changed, store.read_items(changed), strict=True) if found is not None
        }
        self._rows_at = max(score for _, score in noted)
        return replace(world, rows=world.rows.with_rows(rows))

    def _online(self, world: World) -> World:
        newer = follow(self.keys, world.online)
        return world if newer is None else replace(world, online=newer)


def _follow(what: "weakref.ref[Following]", ended: threading.Event) -> None:
    """Refresh until it is told to stop, or nobody holds the world any more."""
    following = what()
    while following is not None:
        seconds = following.poll_seconds
        following = None
        if ended.wait(seconds):
            return
        following = what()
        if following is not None:
            following.refresh()
