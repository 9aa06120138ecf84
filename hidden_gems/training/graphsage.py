"""Fit the weighted GraphSAGE on a log and score with its tables."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.graphsage import Edges, GraphSAGE, GraphSAGEConfig
from hidden_gems.models.held_out import HeldOut
from hidden_gems.models.size import DataSize, Preset
from hidden_gems.training.deep import DeepRecommender, tensor
from hidden_gems.training.graph import Graph
from hidden_gems.training.loop import LoopConfig, Task
from hidden_gems.training.spectral import spectral_embeddings

_ROWS_A_DIRECTION = 8  # people or items behind each spectral direction; with fewer it would only memorise
_FAR_BELOW = -1e9


@dataclass(frozen=True)
class GraphSAGESettings:
    """How the graph model is built and fitted."""

    width: int = 64
    layers: int = 3
    hidden: tuple[int, ...] = (64,)
    dropout: float = 0.5
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(epochs=30, batch=256, rate=2e-3, decay=0.0))
    hidden_pairs: float = 0.5  # share of a person's pairs that are hidden in a step and have to be found
    hidden_items: float = 0.1  # share of the items that nobody has met yet in a step
    candidates: int = 4096  # items that a step compares with, drawn where the catalogue has more
    start_gain: float = 4.0  # what a product of vectors of usual length adds to a score at the start
    half_lives: tuple[float | None, ...] = (None, 128.0, 32.0, 8.0)  # of strength, in interactions, to choose from

    @classmethod
    def of(cls, preset: Preset, size: DataSize) -> Self:
        """The plan's sizes, or sizes that fit the data."""
        if preset == "plan":
            return cls()
        return cls(layers=2)


@dataclass
class GraphSAGERecommender(DeepRecommender[GraphSAGE, GraphSAGESettings]):
    """GraphSAGE as a `Recommender`: the score is the inner product of two tables.

    A person that the log never showed gets the popular items; an item goes by its attributes and its neighbours.
    """

    name: ClassVar[str] = "graphsage"

    settings: GraphSAGESettings = field(default_factory=GraphSAGESettings)
    half_life: float | None = field(default=None, init=False, repr=False, compare=False)
    """Of strength, in interactions, as chosen."""
    user_table: NDArray[np.float32] = field(init=False, repr=False, compare=False)
    """Vector of each person, U X D + 1."""
    item_table: NDArray[np.float32] = field(init=False, repr=False, compare=False)
    """Vector of each item, the last column its bias, I X D + 1."""

    def forget_choice(self) -> None:
        """Go back to the defaults."""
        super().forget_choice()
        self.half_life = None

    def choose(self, early: Interactions, held_out: HeldOut) -> Self:
        """Choose the half-life by the start, then the number of epochs, none included."""
        self.reports, values = [], []
        for half_life in self.settings.half_lives:
            self.half_life = half_life
            self._learn(early, None, replace(self.settings.loop, epochs=0), "start")
            values.append(held_out.value(self.score_catalogue(held_out.user, held_out.moments)))
        self.half_life, self.reports = self.settings.half_lives[int(np.argmax(values))], []
        super().choose(early, held_out)
        if max(self.reports[0].validations) <= max(values):
            self.epochs = 0
        return self

    def build(self, log: Interactions) -> GraphSAGE:
        """GraphSAGE that starts as a graph filter of who met what."""
        settings, graph = self.settings, Graph.of(log, self.facts, self.half_life)
        module = GraphSAGE(_sizes(settings, log.users, graph.kinds, graph.areas, self.facts.attributes))
        _start(module, graph, settings)
        return module

    def task(self, module: GraphSAGE, log: Interactions, held_out: HeldOut | None) -> Task:
        """Every person once an epoch; some of their pairs are hidden and have to be found among all items."""
        return _GraphSAGETask(module, Graph.of(log, self.facts, self.half_life), self, held_out)

    def finish(self, log: Interactions) -> None:
        """Compute the tables from all that was met."""
        graph = Graph.of(log, self.facts, self.half_life)
        self.user_table, self.item_table = tables(self.module, graph)

    def score(self, user: Rows, item: Rows, when: Moments) -> NDArray[np.float32]:
        """Inner product of each pair, float32, size B."""
        scores: NDArray[np.float32] = np.einsum("bd,bd->b", self.user_table[user], self.item_table[item])
        return scores

    def score_catalogue(self, user: Rows, when: Moments) -> NDArray[np.float32]:
        """Inner product of each person with every item, float32, size U X I; column 0 is -inf."""
        scores: NDArray[np.float32] = self.user_table[user] @ self.item_table.T
        scores[:, 0] = -np.inf
        return scores

    def arrays(self) -> dict[str, Tensor]:
        """The tables."""
        return {"users": tensor(self.user_table), "items": tensor(self.item_table)}

    def restore(self, settings: dict[str, Any], arrays: dict[str, Tensor], parameters: dict[str, Tensor]) -> None:
        """Take back what was saved."""
        self.settings, self.half_life = _settings(settings), None
        self.user_table, self.item_table = arrays["users"].numpy(), arrays["items"].numpy()
        kinds, areas = int(self.facts.kind.max()) + 1, int(self.facts.area.max()) + 1
        users = len(self.user_table)
        self.module = GraphSAGE(_sizes(self.settings, users, kinds, areas, self.facts.attributes))


def tables(module: GraphSAGE, graph: Graph) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors of people and items, in evaluation mode, U X D + 1 and I X D + 1."""
    module.eval()
    device = module.gain.device
    with torch.inference_mode():
        both = module(*(_to(each, device) for each in _inputs(graph, None))).cpu().numpy()
    return both[: graph.users], both[graph.users :]


def _inputs(graph: Graph, visible: NDArray[np.bool_] | None) -> tuple[Any, ...]:
    return (graph.met(visible), *graph.places), tensor(graph.facts.attributes), tensor(graph.trust(visible))


def _to(what: Any, device: torch.device) -> Any:
    """Tensors, also in tuples, on a device."""
    if isinstance(what, Tensor):
        return what.to(device)
    parts = [_to(each, device) for each in what]
    return type(what)(*parts) if isinstance(what, Edges) else tuple(parts)


class _GraphSAGETask:
    """Find hidden pairs among all items (InfoNCE); items that nobody may see learn to be placed by what is known."""

    def __init__(self, module: GraphSAGE, graph: Graph, model: GraphSAGERecommender, held_out: HeldOut | None) -> None:
        self.module, self.graph, self.settings, self.held_out = module, graph, model.settings, held_out
        self.people = np.unique(graph.pairs.user)
        self.examples = len(self.people)

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        return [{"params": list(self.module.parameters()), "lr": rate}]

    def begin_epoch(self, epoch: int) -> None:
        """Nothing to prepare: every step compares with all items or a fresh draw of them."""

    def loss(self, model: Callable[..., Tensor], rows: NDArray[np.int64], random: np.random.Generator) -> Tensor:
        graph, pairs = self.graph, self.graph.pairs
        asked = np.zeros(graph.users, dtype=np.bool_)
        asked[self.people[rows]] = True
        unmet = random.random(graph.items) < self.settings.hidden_items
        ours = asked[pairs.user]
        hidden = (ours & (random.random(len(ours)) < self.settings.hidden_pairs)) | unmet[pairs.item]
        target = hidden & ours
        if not target.any():
            target = ours
        device = self.module.gain.device
        vectors = model(*(_to(each, device) for each in _inputs(graph, ~hidden)))
        return self._contrast(vectors, np.flatnonzero(ours), target[ours], random)

    def _contrast(self, vectors: Tensor, known: Rows, target: NDArray[np.bool_], random: np.random.Generator) -> Tensor:
        """InfoNCE of each target against what its person has not met, by people's square root of targets, 1.

        Args:
            vectors: Of people, then of items.
            known: Pairs of the people who are asked, size K.
            target: Which of them are to be found, size K.
            random: Draws the items to compare with.
        """
        graph, device = self.graph, vectors.device
        person, place = np.unique(graph.pairs.user[known], return_inverse=True)
        item = graph.pairs.item[known]
        column, chance = self._candidates(random)
        scores = vectors[tensor(person).to(device)] @ vectors[tensor(column + graph.users).to(device)].T
        at = np.full(graph.items, -1)
        at[column] = np.arange(len(column))
        correction = np.broadcast_to(-np.log(chance).astype(np.float32), scores.shape).copy()
        there = at[item] >= 0
        correction[place[there], at[item[there]]] = _FAR_BELOW
        others = torch.logsumexp(scores + tensor(correction).to(device), dim=1)
        user_rows, item_rows = graph.pairs.user[known[target]], item[target] + graph.users
        right = (vectors[tensor(user_rows).to(device)] * vectors[tensor(item_rows).to(device)]).sum(dim=1)
        each = torch.logaddexp(right, others[tensor(place[target]).to(device)]) - right
        strength = graph.strength[known[target]]
        weight = strength / np.sqrt(np.bincount(place[target], weights=strength)[place[target]])
        return (each * tensor((weight / weight.sum()).astype(np.float32)).to(device)).sum()

    def _candidates(self, random: np.random.Generator) -> tuple[Rows, NDArray[np.float64]]:
        """Items to compare with, and the chance that each had to be drawn (logQ correction)."""
        graph, most = self.graph, self.settings.candidates
        if graph.items - 1 <= most:
            return np.arange(1, graph.items), np.ones(graph.items - 1)
        met = np.bincount(graph.pairs.item, minlength=graph.items)[1:] ** 0.75
        chance = np.minimum(1.0, most * (0.5 / len(met) + 0.5 * met / met.sum()))
        drawn = np.flatnonzero(random.random(len(chance)) < chance)
        return drawn + 1, chance[drawn]

    def validate(self) -> float | None:
        if self.held_out is None:
            return None
        users, items = tables(self.module, self.graph)
        scores = users[self.held_out.user] @ items.T
        scores[:, 0] = -np.inf
        return self.held_out.value(scores)

    def state(self) -> dict[str, Tensor]:
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Nothing was kept."""


def _start(module: GraphSAGE, graph: Graph, settings: GraphSAGESettings) -> None:
    """Start from what counting gives: spectral vectors as the nodes' own, popularity as bias, products of fair size."""
    met = graph.pairs.table(graph.strength)
    earned = np.asarray(met.sum(axis=0)).ravel() + 1.0
    width = min(settings.width, max(1, min(met.shape) // _ROWS_A_DIRECTION))
    people, items = spectral_embeddings(met, width)
    with torch.no_grad():
        module.nodes.weight[: graph.users, :width] = tensor(people)
        module.nodes.weight[graph.users : graph.users + graph.items, :width] = tensor(items)
        module.bias.weight[:, 0] = tensor(np.log(earned / earned.mean()).astype(np.float32))
        of_people, of_items = (table[:, :-1] for table in tables(module, graph))
        lengths = [np.sqrt((table**2).sum(axis=1).mean()) for table in (of_people, of_items)]
        module.gain.fill_(settings.start_gain / max(float(lengths[0] * lengths[1]), 1e-6))
    module.train()


def _sizes(
    settings: GraphSAGESettings, users: int, kinds: int, areas: int, attributes: NDArray[np.float32]
) -> GraphSAGEConfig:
    return GraphSAGEConfig(
        users=users,
        items=len(attributes),
        kinds=kinds,
        areas=areas,
        attributes=attributes.shape[1],
        width=settings.width,
        layers=settings.layers,
        hidden=settings.hidden,
        dropout=settings.dropout,
    )


def _settings(values: dict[str, Any]) -> GraphSAGESettings:
    values = values | {"loop": LoopConfig(**values["loop"]), "hidden": tuple(values["hidden"])}
    return GraphSAGESettings(**values | {"half_lives": tuple(values["half_lives"])})
