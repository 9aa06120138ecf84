"""Fit the weighted GraphSAGE on a log and score with its tables."""

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.facts import ItemFacts
from hidden_gems.models.graphsage import AttributeEncoderNet, GraphSAGE, GraphSAGEConfig
from hidden_gems.models.held_out import HeldOut
from hidden_gems.models.histories import Histories
from hidden_gems.models.own_visits import OwnVisits
from hidden_gems.models.size import DataSize, Preset
from hidden_gems.training.deep import DeepRecommender, saved_histories, tensor
from hidden_gems.training.graph import Graph
from hidden_gems.training.hidden_pairs import ContrastConfig, HiddenPairs, new_value, tables
from hidden_gems.training.loop import LoopConfig, Task
from hidden_gems.training.settings import settings_from
from hidden_gems.training.spectral import spectral_embeddings
from hidden_gems.training.trial import Trial

_STEPS_AN_EPOCH = 8  # every step sends messages through the whole graph
_ROWS_A_DIRECTION = 8  # people or items behind each spectral direction; with fewer it would only memorise


@dataclass(frozen=True)
class GraphSAGESettings:
    """How the graph model is built and fitted, and what it chooses from."""

    width: int = 64
    layers: int = 3
    dropout: float = 0.5
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(epochs=20, batch=256, rate=2e-3, decay=0.0))
    contrast: ContrastConfig = field(default_factory=ContrastConfig)
    half_lives: tuple[float, ...] = (np.inf, 128.0, 32.0, 8.0)
    """Of the strength of edges, in interactions of the person."""
    gains: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    """What a product of vectors of usual length adds to a score at the start, beside popularity."""
    own_half_lives: tuple[float, ...] = (np.inf, 256.0, 64.0, 16.0)
    """Of own visits, in interactions of the person."""
    own_weights: tuple[float, ...] = (0.0, 1.0, 3.0, 10.0, 30.0)
    """What an own visit adds to a score."""

    @classmethod
    def of(cls, preset: Preset, size: DataSize) -> Self:
        """The plan's sizes, or sizes that fit the data."""
        if preset == "plan":
            return cls()
        defaults = cls()
        batch = max(defaults.loop.batch, math.ceil(size.people / _STEPS_AN_EPOCH))
        return cls(layers=2, loop=replace(defaults.loop, batch=batch))

    def suggest(self, trial: Trial, size: DataSize) -> Self:
        """Other settings, for a search."""
        return replace(
            self,
            width=trial.suggest_categorical("width", (32, 64, 128)),
            layers=trial.suggest_int("layers", 1, 3),
            dropout=trial.suggest_float("dropout", 0.0, 0.8),
            loop=replace(self.loop, rate=trial.suggest_float("rate", 3e-4, 1e-2, log=True)),
        )


@dataclass(frozen=True)
class Choice:
    """What was chosen beside the number of epochs; the defaults where nothing could be."""

    half_life: float = np.inf  # of the strength of edges, in interactions of the person
    gain: float = 4.0  # of the start
    own_half_life: float = np.inf  # of own visits, in interactions of the person
    own_weight: float = 0.0  # of own visits


@dataclass
class GraphSAGERecommender(DeepRecommender[GraphSAGE, GraphSAGESettings]):
    """GraphSAGE as a `Recommender`: the inner product of two tables, plus what own visits add.

    A person that the log never showed gets the popular items; an item goes by its attributes and its neighbours as
    long as few have met it.
    """

    name: ClassVar[str] = "graphsage"

    settings: GraphSAGESettings = field(default_factory=GraphSAGESettings)
    choice: Choice = field(default_factory=Choice, init=False, repr=False, compare=False)
    user_table: NDArray[np.float32] = field(init=False, repr=False, compare=False)
    """Vector of each person, the last column 1, U X D + 1."""
    item_table: NDArray[np.float32] = field(init=False, repr=False, compare=False)
    """Vector of each item, the last column its bias, I X D + 1."""
    encoder: AttributeEncoderNet = field(init=False, repr=False, compare=False)
    """Attributes to vectors as in `item_table`, for items that are new."""
    own: OwnVisits = field(init=False, repr=False, compare=False)
    """What everyone did."""

    def forget_choice(self) -> None:
        """Go back to the defaults."""
        super().forget_choice()
        self.choice = Choice()

    def choose(self, early: Interactions, held_out: HeldOut) -> Self:
        """Choose how the start fades and weighs, the number of epochs (none included), the share of own visits."""
        self.choice, best = self._best_start(early, held_out)
        super().choose(early, held_out)
        if max(self.reports[0].validations) <= best:
            self.epochs = 0
            self.module = self._built(early)
            self.finish(early)
        if held_out.repeats:
            self.choice = self._best_own(held_out)
        return self

    def _best_start(self, early: Interactions, held_out: HeldOut) -> tuple[Choice, float]:
        """The half-life and the gain with which the start predicts what was held out best, and its value."""
        best, chosen = -np.inf, Choice()
        for half_life in self.settings.half_lives:
            self.choice = Choice(half_life, gain=1.0)
            users, items, _ = tables(self._built(early), self._graph(early))
            for gain in self.settings.gains:
                scaled = np.column_stack([gain * users[:, :-1], users[:, -1:]])
                value = new_value(held_out, scaled, items)
                if value > best:
                    best, chosen = value, Choice(half_life, gain)
        return chosen, best

    def _best_own(self, held_out: HeldOut) -> Choice:
        """What own visits add, and how they fade, so that next visits with repeats are predicted best."""
        best, chosen = -np.inf, self.choice
        scores = self.user_table[held_out.user] @ self.item_table.T
        for half_life in self.settings.own_half_lives:
            visits = replace(self.own, half_life=half_life).table(held_out.user, held_out.moments).toarray()
            for weight in self.settings.own_weights:
                both = scores + weight * visits
                both[:, 0] = -np.inf
                value = float(np.nanmean(held_out.ndcg(both, repeat=True)))
                if value > best:
                    best, chosen = value, replace(self.choice, own_half_life=half_life, own_weight=weight)
        return chosen

    def build(self, log: Interactions) -> GraphSAGE:
        """GraphSAGE that starts as a graph filter of who met what."""
        graph = self._graph(log)
        module = GraphSAGE(_sizes(self.settings, graph.users, self.facts))
        start(module, graph, self.choice.gain)
        return module

    def _built(self, log: Interactions) -> GraphSAGE:
        with torch.random.fork_rng():
            torch.manual_seed(self.settings.loop.seed)
            return self.build(log)

    def _graph(self, log: Interactions) -> Graph:
        return Graph.of(log, self.facts, self.choice.half_life)

    def task(self, module: GraphSAGE, log: Interactions, held_out: HeldOut | None) -> Task:
        """Every person once an epoch; some of their pairs are hidden and have to be found among all items."""
        return HiddenPairs(module, self._graph(log), self.settings.contrast, held_out)

    def finish(self, log: Interactions) -> None:
        """Compute the tables from all that was met, and keep what everyone did."""
        self.user_table, self.item_table, self.encoder = tables(self.module, self._graph(log))
        self.own = OwnVisits(Histories.of(log), log.items)

    def score(self, user: Rows, item: Rows, when: Moments) -> NDArray[np.float32]:
        """Score of each pair, float32, size B."""
        scores: NDArray[np.float32] = np.einsum("bd,bd->b", self.user_table[user], self.item_table[item])
        if self.choice.own_weight:
            own = replace(self.own, half_life=self.choice.own_half_life)
            scores += np.float32(self.choice.own_weight) * own.pairs(user, item, when)
        return scores

    def score_catalogue(self, user: Rows, when: Moments) -> NDArray[np.float32]:
        """Score of every item for each person, float32, size U X I; column 0 is -inf."""
        scores: NDArray[np.float32] = self.user_table[user] @ self.item_table.T
        if self.choice.own_weight:
            own = replace(self.own, half_life=self.choice.own_half_life).table(user, when).tocoo()
            np.add.at(scores, (own.row, own.col), np.float32(self.choice.own_weight) * own.data)
        scores[:, 0] = -np.inf
        return scores

    def remember(self, log: Interactions) -> Self:
        """Read histories from another log from now on, for example a longer one, without learning from it."""
        self.own = OwnVisits(Histories.of(log), log.items)
        return self

    def arrays(self) -> dict[str, Tensor]:
        """The tables, what everyone did, and what was chosen."""
        history = self.own.histories
        return {
            "users": tensor(self.user_table),
            "items": tensor(self.item_table),
            **{name: tensor(array) for name, array in history.arrays.items()},
            "encoder_weight": self.encoder.weight.detach(),
            "encoder_bias": self.encoder.bias.detach(),
            "choice": torch.tensor(list(asdict(self.choice).values()), dtype=torch.float64),
        }

    def restore(self, settings: dict[str, Any], arrays: dict[str, Tensor], parameters: dict[str, Tensor]) -> None:
        """Take back what was saved."""
        self.settings = settings_from(GraphSAGESettings, settings)
        self.choice = Choice(*arrays["choice"].tolist())
        self.user_table, self.item_table = arrays["users"].numpy(), arrays["items"].numpy()
        self.own = OwnVisits(saved_histories(arrays, self.facts), len(self.facts))
        self.encoder = AttributeEncoderNet(self.facts.attributes.shape[1], self.item_table.shape[1])
        weights = {"weight": arrays["encoder_weight"], "bias": arrays["encoder_bias"]}
        self.encoder.load_state_dict(weights)
        self.encoder.eval()
        self.module = GraphSAGE(_sizes(self.settings, len(self.user_table), self.facts))


def start(module: GraphSAGE, graph: Graph, gain: float) -> None:
    """Start from what counting gives: spectral vectors as the nodes' own, popularity as bias.

    Args:
        module: Changed in place.
        graph: Who met what.
        gain: What a product of vectors of usual length adds to a score.
    """
    met = graph.pairs.table(graph.strength)
    earned = np.asarray(met.sum(axis=0)).ravel() + 1.0
    width = min(module.config.width, max(1, min(met.shape) // _ROWS_A_DIRECTION))
    people, items = spectral_embeddings(met, width)
    with torch.no_grad():
        module.nodes.weight[: graph.users, :width] = tensor(people)
        module.nodes.weight[graph.users : graph.users + graph.items, :width] = tensor(items)
        module.bias.weight[:, 0] = tensor(np.log(earned / earned.mean()).astype(np.float32))
        of_people, of_items = (table[:, :-1] for table in tables(module, graph)[:2])
        lengths = [np.sqrt((table**2).sum(axis=1).mean()) for table in (of_people, of_items)]
        module.gain.fill_(gain / max(float(lengths[0] * lengths[1]), 1e-6))
    module.train()


def _sizes(settings: GraphSAGESettings, users: int, facts: ItemFacts) -> GraphSAGEConfig:
    return GraphSAGEConfig(
        users=users,
        items=len(facts),
        kinds=int(facts.kind.max()) + 1,
        areas=int(facts.area.max()) + 1,
        width=settings.width,
        layers=settings.layers,
        dropout=settings.dropout,
    )
