"""Every recommender by name, and how one is made for data of some size."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

from hidden_gems.features.facts import ItemFacts
from hidden_gems.models.als import ALS
from hidden_gems.models.ease import EASE
from hidden_gems.models.item_knn import ItemKNN
from hidden_gems.models.markov import Markov
from hidden_gems.models.own_recent import OwnRecent
from hidden_gems.models.popular import Popular
from hidden_gems.models.protocol import Recommender
from hidden_gems.models.recent_popular import RecentPopular
from hidden_gems.models.revisits import Revisits
from hidden_gems.models.size import DataSize, Preset

Make = Callable[[ItemFacts, DataSize, Preset, int], Recommender]
"""Facts about the items, size of the log, preset, seed."""


def _deep(module: str, name: str) -> Make:
    """A deep recommender; torch takes seconds to import, so its module is named, not imported."""

    def make(facts: ItemFacts, size: DataSize, preset: Preset, seed: int) -> Recommender:
        found = import_module(f"hidden_gems.training.{module}")
        settings = getattr(found, f"{name}Settings").of(preset, size)
        made: Recommender = getattr(found, f"{name}Recommender")(
            facts, replace(settings, loop=replace(settings.loop, seed=seed))
        )
        return made

    return make


SIMPLE: dict[str, Make] = {
    "popular": lambda facts, size, preset, seed: Popular(),
    "recent_popular": lambda facts, size, preset, seed: RecentPopular(),
    "own_recent": lambda facts, size, preset, seed: OwnRecent(),
    "item_knn": lambda facts, size, preset, seed: ItemKNN(),
    "ease": lambda facts, size, preset, seed: EASE(),
    "als": lambda facts, size, preset, seed: ALS(seed=seed),
    "markov": lambda facts, size, preset, seed: Markov(),
    "revisits": lambda facts, size, preset, seed: Revisits.among(facts, seed),
}
"""Models that count or solve."""
DEEP: dict[str, Make] = {
    "ncf": _deep("ncf", "NCF"),
    "wide_deep": _deep("wide_deep", "WideDeep"),
    "sasrec": _deep("sasrec", "SASRec"),
    "gru4rec": _deep("gru4rec", "GRU4Rec"),
    "graphsage": _deep("graphsage", "GraphSAGE"),
}
"""Models that learn by gradients; they are in the served graph."""
RECOMMENDERS: dict[str, Make] = SIMPLE | DEEP
