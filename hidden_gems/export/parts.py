"""Each deep model as a part of the served graph: one request in, scores and the person's vector out.

What depends on the item alone is computed once, at export, and lies in the graph as one table.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from hidden_gems.export.part import Answer, Asked, Part
from hidden_gems.export.sequence_parts import GRU4RecPart, SASRecPart
from hidden_gems.models.traces import kernel_weights
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
        same = (asked.rows[:, None] == history).to(ages.dtype)
        scores = self.ncf.returns.after(product + mixed + items[:, -1], same @ kernel_weights(history, ages)[0])
        return Answer(scores, u)


class WideDeepPart(Part):
    """Wide & Deep as it is."""

    def __init__(self, model: WideDeepRecommender) -> None:
        super().__init__()
        self.module, self.length = model.module, model.settings.length

    def forward(self, asked: Asked) -> Answer:
        """Scores and the person's embedding."""
        history, ages = asked.history[:, -self.length :], asked.ages[:, -self.length :]
        scores = self.module(asked.user, asked.rows[None], asked.context, history, ages)[0]
        return Answer(scores, self.module.user(self.module.user_row[asked.user]))


class GraphSAGEPart(Part):
    """GraphSAGE: two tables, what own visits add, and the encoder for gems that are newer than the release."""

    def __init__(self, model: GraphSAGERecommender) -> None:
        super().__init__()
        self.encoder, self.choice = model.encoder, model.choice
        self.users = nn.Parameter(torch.from_numpy(model.user_table))
        self.items = nn.Parameter(torch.from_numpy(model.item_table))

    def forward(self, asked: Asked) -> Answer:
        """Scores and the person's vector."""
        person = self.users[asked.user]
        newer = functional.pad(self.encoder(asked.new), (0, 0, 1, 0))  # row 0 keeps m = 0 legal
        scores = torch.where(asked.newer > 0, (newer @ person[0])[asked.newer], self.items[asked.rows] @ person[0])
        if self.choice.own_weight:
            there = (asked.history[0] > 0).to(scores.dtype)
            later = there.flip(0).cumsum(0).flip(0) - there
            weight = self.choice.own_weight * there * 0.5 ** (later / self.choice.own_half_life)
            scores = scores + (asked.rows[:, None] == asked.history).to(scores.dtype) @ weight
        return Answer(scores, person)


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
