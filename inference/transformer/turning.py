"""Which release requests are answered from: the pointed one, as soon as deep and ranker hold it, too."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from hidden_gems.core.kv import KeyValue
from hidden_gems.export.release import Release
from hidden_gems.models.blend import Blend
from hidden_gems.recommend.business import BusinessFile
from hidden_gems.recommend.certainty import Certainty
from hidden_gems.recommend.tables import ReleaseTables
from hidden_gems.recommend.world import Following, World
from inference.shell.metrics import STATE_VERSION
from inference.shell.release import Held, ReleaseWatcher
from inference.transformer.metrics import BUSINESS_REFUSED
from inference.transformer.parts import Models

LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 15.0
"""After this long requests turn to a release that deep or ranker do not hold: they may be away for good."""
_log = logging.getLogger("gems")


class Turning:
    """Turns requests from one release to the next, so that no answer is degraded by it.

    Args:
        watcher: Holds the worlds of the pointed release and of the one before.
        models: Deep and ranker.
        business: The file that the worlds follow.
    """

    def __init__(self, watcher: ReleaseWatcher[Following], models: Models, business: BusinessFile) -> None:
        self._watcher, self._models, self._business = watcher, models, business
        self._serving: Held[Following] = watcher.current
        self._asked: tuple[str, float] | None = None  # release, and since when it is waited for

    def world(self) -> World:
        """What requests see now."""
        return self._serving.value.world

    async def run(self) -> None:
        """Look for another release for ever; also warms the connections to deep and ranker up."""
        await self._models.hold(self.world())
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> bool:
        """Turn once, if it is time; whether it was."""
        online = self.world().online
        STATE_VERSION.set(0 if online is None else online.version)
        BUSINESS_REFUSED.set(self._business.refused)
        pointed = self._watcher.current
        if pointed.version == self._serving.version:
            self._asked = None
            return False
        if self._asked is None or self._asked[0] != pointed.version:
            self._asked = (pointed.version, time.monotonic())
        waited = time.monotonic() - self._asked[1]
        if not await self._models.hold(pointed.value.world):
            if waited < PATIENCE_SECONDS:
                return False
            _log.warning("deep or ranker do not hold release %s; requests turn to it all the same", pointed.version)
        self._serving, self._asked = pointed, None
        return True


def following(keys: KeyValue, business: BusinessFile) -> Callable[[Path, Release], Following]:
    """Loader of releases for a watcher: a world that is followed from then on."""

    def load(folder: Path, release: Release) -> Following:
        tables = ReleaseTables.load(folder / "tables")
        blend = Blend.from_dict(json.loads((folder / "policy" / "blend.json").read_text()))
        certainty = Certainty.load(folder / "policy")
        world = World.of(release.version, release.dataset, release.models, tables, blend, certainty)
        return Following(world, keys, business=business).start()

    return load
