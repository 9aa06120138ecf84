"""Each deep model as a part of the served graph: one request in, scores and the person's vector out.

What depends on the item alone is computed once, at export, and lies in the graph as one table.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from hidden_gems.export.part import Answer, Asked, Part
from hidden_gems.export.sequence_parts import GRU4RecPart, SASRecPart
from hidden_gems.models.traces import met_candidates
from hidden_gems.training.graphsage import GraphSAGERecommender
from hidden_gems.training.ncf import NCFRecommender
from hidden_gems.training.saved import AnyDeep
from hidden_gems.training.wide_deep import WideDeepRecommender


class NCFPart(Part):
    """NCF: an item is one row with its part of the first layer, its weighted embedding and its bias."""

    def __init__(self, model: NCFRecommender) -> None:
        super().__init__()
        self.ncf, self.length = model.module, model.settings.length
        with torch.no_grad():
            rows = torch.arange(len(model.facts))
            v, first, bias = self.ncf.item_side(rows, torch.from_numpy(model.facts.attributes))
            constant = bias + self.ncf.fuse_mixed.bias
            self.table = nn.Parameter(torch.cat([first, v * self.ncf.fuse_product.weight, constant[:, None]], dim=1))

    def forward(self, asked: Asked) -> Answer:
        """Scores and the person's embedding."""
        u, from_user = self.ncf.user_side(asked.user, asked.context)
        items, width = self.table[asked.rows], from_user.shape[1]
        mixed = self.ncf.perceptron(from_user + items[:, :width]) @ self.ncf.fuse_mixed.weight[0]
        product = items[:, width:-1] @ u[0]
        history, ages = asked.history[:, -self.length :], asked.ages[:, -self.length :]
        own = self.ncf.returns(asked.rows[None], history, ages)[0]
        return Answer(product + mixed + items[:, -1] + own, u)


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

    def forward(self, asked: Asked) -> Answer:
        """Scores and the person's embedding."""
        module, rows = self.module, asked.rows[None]
        history, ages = asked.history[:, -self.length :], asked.ages[:, -self.length :]
        person = module.person(asked.user, asked.context, history, ages)
        pair = module.pair(person, rows, module.item_row[rows], _counts)[0]
        first = person.first * self.scale + self.first[asked.rows] + pair @ self.pair.T
        scores = self.deep(first) @ module.from_deep.weight[0] + pair @ module.wide.weight[0]
        crosses = module.crosses(asked.user, rows, asked.context)[0].sum(dim=1)
        return Answer(scores + crosses + self.popular[asked.rows], person.embedding)


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


class GraphSAGEPart(Part):
    """GraphSAGE: two tables; a newer gem is a node without neighbours, made of its attributes."""

    def __init__(self, model: GraphSAGERecommender) -> None:
        super().__init__()
        self.module = model.module
        self.users = nn.Parameter(torch.from_numpy(model.user_table))
        self.items = nn.Parameter(torch.from_numpy(model.item_table))

    def forward(self, asked: Asked) -> Answer:
        """Inner products with the person's vector."""
        person = self.users[asked.user]
        newer = functional.pad(self._alone(asked.new), (0, 0, 1, 0))  # row 0 keeps m = 0 legal
        later = (newer @ person[0])[asked.newer]
        return Answer(torch.where(asked.newer > 0, later, self.items[asked.rows] @ person[0]), person)

    def _alone(self, new: Tensor) -> Tensor:
        """What `GraphSAGE` makes of items that have attributes and no neighbours, size m X D + 1."""
        content = self.module.encoder(new)
        x = content[:, :-1]
        total = self.module.shares[0] * x
        for share, each in zip(self.module.shares[1:], self.module.rounds, strict=True):
            x = each.correct(torch.relu(each.own(x)))
            total = total + share * x
        return torch.cat([total, content[:, -1:]], dim=1)


_PARTS: dict[str, Callable[[Any], Part]] = {
    "ncf": NCFPart,
    "wide_deep": WideDeepPart,
    "sasrec": SASRecPart,
    "gru4rec": GRU4RecPart,
    "graphsage": GraphSAGEPart,
}


def part_of(model: AnyDeep) -> Part:
    """A model as a part, in evaluation mode."""
    return _PARTS[model.name](model).eval()
