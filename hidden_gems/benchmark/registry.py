"""Every recommender by name, and how one is made for data of some size."""

from collections.abc import Callable
from dataclasses import replace

from hidden_gems.features.facts import ItemFacts
from hidden_gems.models.item_knn import ItemKNN
from hidden_gems.models.popular import Popular
from hidden_gems.models.protocol import Recommender
from hidden_gems.models.size import DataSize, Preset

Make = Callable[[ItemFacts, DataSize, Preset, int], Recommender]
"""Facts about the items, size of the log, preset, seed."""


def _ncf(facts: ItemFacts, size: DataSize, preset: Preset, seed: int) -> Recommender:
    from hidden_gems.training.ncf import NCFRecommender, NCFSettings  # torch takes seconds to import

    settings = NCFSettings.of(preset, size)
    return NCFRecommender(facts, replace(settings, loop=replace(settings.loop, seed=seed)))


def _wide_deep(facts: ItemFacts, size: DataSize, preset: Preset, seed: int) -> Recommender:
    from hidden_gems.training.wide_deep import WideDeepRecommender, WideDeepSettings

    settings = WideDeepSettings.of(preset, size)
    return WideDeepRecommender(facts, replace(settings, loop=replace(settings.loop, seed=seed)))


def _sasrec(facts: ItemFacts, size: DataSize, preset: Preset, seed: int) -> Recommender:
    from hidden_gems.training.sasrec import SASRecRecommender, SASRecSettings

    settings = SASRecSettings.of(preset, size)
    return SASRecRecommender(facts, replace(settings, loop=replace(settings.loop, seed=seed)))


def _gru4rec(facts: ItemFacts, size: DataSize, preset: Preset, seed: int) -> Recommender:
    from hidden_gems.training.gru4rec import GRU4RecRecommender, GRU4RecSettings

    settings = GRU4RecSettings.of(preset, size)
    return GRU4RecRecommender(facts, replace(settings, loop=replace(settings.loop, seed=seed)))


def _graphsage(facts: ItemFacts, size: DataSize, preset: Preset, seed: int) -> Recommender:
    from hidden_gems.training.graphsage import GraphSAGERecommender, GraphSAGESettings  # torch takes seconds to import

    settings = GraphSAGESettings.of(preset, size)
    return GraphSAGERecommender(facts, replace(settings, loop=replace(settings.loop, seed=seed)))


SIMPLE: dict[str, Make] = {
    "popular": lambda facts, size, preset, seed: Popular(),
    "item_knn": lambda facts, size, preset, seed: ItemKNN(),
}
"""Models that count or solve."""
DEEP: dict[str, Make] = {
    "ncf": _ncf,
    "wide_deep": _wide_deep,
    "sasrec": _sasrec,
    "gru4rec": _gru4rec,
    "graphsage": _graphsage,
}
"""Models that learn by gradients; they are in the served graph."""
RECOMMENDERS: dict[str, Make] = SIMPLE | DEEP
