"""Each deep model as a part of the served graph: one request in, scores and the person's vector out.

What depends on the item alone is computed once, at export, and lies in the graph as one table.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hidden_gems.models.traces import met_candidates
from hidden_gems.training.ncf import NCFRecommender
from hidden_gems.training.saved import AnyDeep
from hidden_gems.training.wide_deep import WideDeepRecommender


class Asked(NamedTuple):
    """One request, as the parts read it.

    Notation: n candidates, L events of the history (one place of padding at least), m newer gems, C and A = width of
    context and attributes.
    """

    user: Tensor  # row of the person, int64, 1
    rows: Tensor  # candidates, 0 for gems that are newer than the release, int64, n
    context: Tensor  # float32, 1 X C
    history: Tensor  # item rows, oldest first, 0 where padded, int64, 1 X L
    ages: Tensor  # seconds before the request (steps for an order), 0 where padded, float32, 1 X L
    newer: Tensor  # place of each candidate among the newer gems, from 1; 0 for gems of the release, int64, n
    new: Tensor  # attributes of the newer gems, float32, m X A


class Part(nn.Module, ABC):
    """A model of the served graph."""

    @abstractmethod
    def forward(self, asked: Asked) -> tuple[Tensor, Tensor]:
        """Score of each candidate, size n, and the person's vector, size 1 X D."""


class NCFPart(Part):
    """NCF: an item is one row with its part of the first layer, its weighted embedding and its bias."""

    def __init__(self, model: NCFRecommender) -> None:
        super().__init__()
        self.ncf = model.module
        with torch.no_grad():
            rows = torch.arange(len(model.facts))
            v, first, bias = self.ncf.item_side(rows, torch.from_numpy(model.facts.attributes))
            constant = bias + self.ncf.fuse_mixed.bias
            self.table = nn.Parameter(torch.cat([first, v * self.ncf.fuse_product.weight, constant[:, None]], dim=1))

    def forward(self, asked: Asked) -> tuple[Tensor, Tensor]:
        """Scores and the person's embedding."""
        u, from_user = self.ncf.user_side(asked.user, asked.context)
        items, width = self.table[asked.rows], from_user.shape[1]
        mixed = self.ncf.perceptron(from_user + items[:, :width]) @ self.ncf.fuse_mixed.weight[0]
        product = items[:, width:-1] @ u[0]
        return product + mixed + items[:, -1], u


class WideDeepPart(Part):
    """Wide & Deep: the item's part of the first layer is a table, and normalisation is part of the layers."""

    def __init__(self, model: WideDeepRecommender) -> None:
        super().__init__()
        module = self.module = deepcopy(model.module)
        self.length = model.settings.length
        with torch.no_grad():
            scale, shift = _scale_and_shift(module.deep[0])
            known, popularity = _wide_deep_items(module)
            self.scale = nn.Parameter(scale)
            self.pair = nn.Parameter(scale[:, None] * module.from_pair.weight)
            self.first = nn.Parameter(scale * module.from_item(known) + shift)
            self.popular = nn.Parameter(module.popular(popularity)[:, 0] + module.from_deep.bias)
            layers = [each for each in list(module.deep)[1:] if isinstance(each, nn.BatchNorm1d | nn.Linear)]
            fused = [_fused(*pair) for pair in zip(layers[::2], layers[1::2], strict=True)]
            module.item_attributes = module.profile(module.item_attributes)
        module.profile = nn.Identity()  # type: ignore[assignment]
        self.deep = nn.Sequential(nn.ReLU(), *(each for linear in fused for each in (linear, nn.ReLU())))

    def forward(self, asked: Asked) -> tuple[Tensor, Tensor]:
        """Scores and the person's embedding."""
        module, rows = self.module, asked.rows[None]
        history, ages = asked.history[:, -self.length :], asked.ages[:, -self.length :]
        person = module.person(asked.user, asked.context, history, ages)
        pair = module.pair(person, rows, module.item_row[rows], _counts)[0]
        first = person.first * self.scale + self.first[asked.rows] + pair @ self.pair.T
        scores = self.deep(first) @ module.from_deep.weight[0] + pair @ module.wide.weight[0]
        crosses = module.crosses(asked.user, rows, asked.context)[0].sum(dim=1)
        return scores + crosses + self.popular[asked.rows], person.embedding


def _counts(keys: Tensor, history: Tensor, _: int, weights: Tensor) -> Tensor:
    return met_candidates(keys, history, weights)


def _scale_and_shift(norm: Any) -> tuple[Tensor, Tensor]:
    """What a batch normalisation does once it has learned, each of the width of its inputs."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def _fused(linear: Any, norm: Any) -> nn.Linear:
    """One layer that is a linear one and the normalisation behind it."""
    scale, shift = _scale_and_shift(norm)
    layer = nn.Linear(linear.in_features, linear.out_features)
    layer.weight.copy_(scale[:, None] * linear.weight)
    layer.bias.copy_(scale * linear.bias + shift)
    return layer


def _wide_deep_items(module: Any) -> tuple[Tensor, Tensor]:
    """What `WideDeep.fuse` knows of every item: inputs of the first layer, and popularity."""
    row, likes = module.item_row, module.item_likes
    popularity = module.item_popularity[row][:, None]
    known = [module.item(row), module.kind(likes[:, 0]), module.area(likes[:, 1]), module.item_attributes, popularity]
    return torch.cat(known, dim=1), popularity


_PARTS: dict[str, Callable[[Any], Part]] = {"ncf": NCFPart, "wide_deep": WideDeepPart}


def part_of(model: AnyDeep) -> Part:
    """A model as a part, in evaluation mode."""
    return _PARTS[model.name](model).eval()
