"""Every recommender by name, and how one is made for data of some size."""

from collections.abc import Callable
from dataclasses import replace

from hidden_gems.features.facts import ItemFacts
from hidden_gems.models.als import ALS
from hidden_gems.models.ease import EASE
from hidden_gems.models.item_knn import ItemKNN
from hidden_gems.models.markov import Markov
from hidden_gems.models.own_recent import OwnRecent
from hidden_gems.models.popular import Popular
from hidden_gems.models.protocol import Recommender
from hidden_gems.models.recent_popular import RecentPopular
from hidden_gems.models.size import DataSize, Preset

Make = Callable[[ItemFacts, DataSize, Preset, int], Recommender]
"""Facts about the items, size of the log, preset, seed."""


def _ncf(facts: ItemFacts, size: DataSize, preset: Preset, seed: int) -> Recommender:
    from hidden_gems.training.ncf import NCFRecommender, NCFSettings  # torch takes seconds to import

    settings = NCFSettings.of(preset, size)
    return NCFRecommender(facts, replace(settings, loop=replace(settings.loop, seed=seed)))


SIMPLE: dict[str, Make] = {
    "popular": lambda facts, size, preset, seed: Popular(),
    "recent_popular": lambda facts, size, preset, seed: RecentPopular(),
    "own_recent": lambda facts, size, preset, seed: OwnRecent(),
    "item_knn": lambda facts, size, preset, seed: ItemKNN(),
    "ease": lambda facts, size, preset, seed: EASE(),
    "als": lambda facts, size, preset, seed: ALS(seed=seed),
    "markov": lambda facts, size, preset, seed: Markov(),
}
"""Models that count or solve."""
DEEP: dict[str, Make] = {"ncf": _ncf}
"""Models that learn by gradients; they are in the served graph."""
RECOMMENDERS: dict[str, Make] = SIMPLE | DEEP
