"""What GraphSAGE learns by: hidden pairs that have to be found among all items."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hidden_gems.datasets.interactions import Rows
from hidden_gems.models.graphsage import AttributeEncoderNet, Edges, GraphSAGE
from hidden_gems.models.held_out import HeldOut
from hidden_gems.training.deep import tensor
from hidden_gems.training.graph import Graph

_FAR_BELOW = -1e9
_ENCODER_SHRINKAGE = 2.0  # in items: an attribute that this many trusted items have is believed half
_SMOOTHING = 0.75  # of popularity where items are drawn


@dataclass(frozen=True)
class ContrastConfig:
    """What a step hides and compares with."""

    hidden_pairs: float = 0.5  # share of a person's pairs that are hidden in a step and have to be found
    hidden_items: float = 0.1  # share of the items that nobody has met yet in a step
    candidates: int = 4096  # items that a step compares with, drawn where the catalogue has more


class HiddenPairs:
    """Find hidden pairs among all items (InfoNCE); items that nobody may see learn to be placed by what is known."""

    def __init__(self, module: GraphSAGE, graph: Graph, config: ContrastConfig, held_out: HeldOut | None) -> None:
        self.module, self.graph, self.config, self.held_out = module, graph, config, held_out
        self.people = np.unique(graph.pairs.user)
        self.examples = len(self.people)

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """All parameters learn at one rate."""
        return [{"params": list(self.module.parameters()), "lr": rate}]

    def begin_epoch(self, epoch: int) -> None:
        """Nothing to prepare: every step compares with all items or a fresh draw of them."""

    def loss(self, model: Callable[..., Tensor], rows: NDArray[np.int64], random: np.random.Generator) -> Tensor:
        """Loss of some people: what is hidden of theirs has to be found from what is left."""
        graph, pairs = self.graph, self.graph.pairs
        asked = np.zeros(graph.users, dtype=np.bool_)
        asked[self.people[rows]] = True
        unmet = random.random(graph.items) < self.config.hidden_items
        ours = asked[pairs.user]
        hidden = (ours & (random.random(len(ours)) < self.config.hidden_pairs)) | unmet[pairs.item]
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
        graph, most = self.graph, self.config.candidates
        if graph.items - 1 <= most:
            return np.arange(1, graph.items), np.ones(graph.items - 1)
        met = np.bincount(graph.pairs.item, minlength=graph.items)[1:] ** _SMOOTHING
        chance = np.minimum(1.0, most * (0.5 / len(met) + 0.5 * met / met.sum()))
        drawn = np.flatnonzero(random.random(len(chance)) < chance)
        return drawn + 1, chance[drawn]

    def validate(self) -> float | None:
        """Mean NDCG@10 of new items; own visits are weighed later."""
        return None if self.held_out is None else new_value(self.held_out, *tables(self.module, self.graph)[:2])

    def state(self) -> dict[str, Tensor]:
        """Nothing has to be kept."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Nothing was kept."""


def new_value(held_out: HeldOut, users: NDArray[np.float32], items: NDArray[np.float32]) -> float:
    """Mean NDCG@10 of new items by inner products of two tables."""
    scores = users[held_out.user] @ items.T
    scores[:, 0] = -np.inf
    return float(np.nanmean(held_out.ndcg(scores)))


def tables(module: GraphSAGE, graph: Graph) -> tuple[NDArray[np.float32], NDArray[np.float32], AttributeEncoderNet]:
    """Vectors of people and items, in evaluation mode, and the encoder that places items that few have met.

    Returns:
        Table of people, U X D + 1; of items, I X D + 1: what the graph says plus, for the share that an item is not
        trusted, what the encoder says; the encoder.
    """
    module.eval()
    device = module.gain.device
    with torch.inference_mode():
        both = module(*(_to(each, device) for each in _inputs(graph, None))).cpu().numpy()
    people, items = both[: graph.users], both[graph.users :]
    trust = graph.trust()[graph.users : graph.users + graph.items]
    encoder = solve_encoder(graph.facts.attributes, items, trust[:, 0], people[graph.trust()[: graph.users, 0] > 0])
    with torch.inference_mode():
        placed = encoder(tensor(graph.facts.attributes)).numpy()
    mixed = items + (1 - trust) * placed
    mixed[:, -1:] -= (1 - trust) * items[:, -1:]  # the vectors came in by trust already, the bias did not
    return people, mixed, encoder


def solve_encoder(
    attributes: NDArray[np.float32],
    vectors: NDArray[np.float32],
    trust: NDArray[np.float32],
    people: NDArray[np.float32],
) -> AttributeEncoderNet:
    """The encoder that reproduces the vectors best, by ridge regression.

    The bias is raised by half the variance of what the encoder misses of a score: the mean of exp(s) is
    exp(mean + variance / 2), so an item that is not known well is given the rate it has on average.

    Args:
        attributes: What is known about each item, I X A.
        vectors: To reproduce, I X D.
        trust: Weight of each item, I; where attributes say little the weighted mean of all vectors stands.
        people: Vectors that score the items, U X D.
    """
    x, y, weight = attributes.astype(np.float64), vectors.astype(np.float64), trust.astype(np.float64)[:, None]
    total = max(float(weight.sum()), np.finfo(np.float32).tiny)
    x_mean, y_mean = (weight * x).sum(axis=0) / total, (weight * y).sum(axis=0) / total
    x, y = x - x_mean, y - y_mean
    slope = np.linalg.solve(x.T @ (weight * x) + _ENCODER_SHRINKAGE * np.eye(x.shape[1]), x.T @ (weight * y))
    missed = y - x @ slope
    spread = float(np.sum((missed.T @ (weight * missed) / total) * (people.T @ people / max(len(people), 1))))
    y_mean[-1] += 0.5 * spread
    encoder = AttributeEncoderNet(x.shape[1], y.shape[1])
    with torch.no_grad():
        encoder.weight.copy_(torch.from_numpy(slope))
        encoder.bias.copy_(torch.from_numpy(y_mean - x_mean @ slope))
    return encoder.eval()


def _inputs(graph: Graph, visible: NDArray[np.bool_] | None) -> tuple[Any, ...]:
    return (graph.met(visible), *graph.places), tensor(graph.trust(visible))


def _to(what: Any, device: torch.device) -> Any:
    """Tensors, also in tuples, on a device."""
    if isinstance(what, Tensor):
        return what.to(device)
    parts = [_to(each, device) for each in what]
    return type(what)(*parts) if isinstance(what, Edges) else tuple(parts)
