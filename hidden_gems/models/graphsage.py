"""Weighted GraphSAGE over people, items, types and neighbourhoods; vectors whose inner product is the score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import MessagePassing

RELATIONS = ("met", "near", "type", "neighbourhood")
"""Kinds of edges; the first is between people and items, the others place items among items."""


@dataclass(frozen=True)
class GraphSAGEConfig:
    """Sizes of the graph and the layers; nothing about data, devices or training."""

    users: int  # rows of the user table, the unknown user at 0 included
    items: int  # rows of the item table, the unknown item at 0 included
    kinds: int  # types, the unknown one at 0 included
    areas: int  # neighbourhoods, the unknown one at 0 included
    width: int = 64
    layers: int = 3
    dropout: float = 0.5  # of the nodes' own vectors

    @property
    def nodes(self) -> int:
        """Nodes of the graph: people, items, types, neighbourhoods, in this order."""
        return self.users + self.items + self.kinds + self.areas


class Edges(NamedTuple):
    """Weighted edges of one relation as a sparse table, and the same turned around for the way back."""

    weights: Tensor  # what each node (row) receives from each node (column), sparse CSR, N X N
    turned: Tensor  # transposed, sparse CSR, N X N


class _Product(torch.autograd.Function):
    """Sparse times dense; torch's own way back through a CSR table is ten times slower than a second product."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, turned: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(turned)
        product: Tensor = weights @ x
        return product

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        (turned,) = ctx.saved_tensors
        return None, None, turned @ gradients[0].contiguous()


class WeightedSAGE(MessagePassing):  # type: ignore[misc]
    """One round of messages: the weighted sums of what neighbours hold, plus what a perceptron makes of own and sum.

    h'_v = s_v + P relu(Q h_v + R s_v), s_v = sum over relations r of g_r c_v,r sum over neighbours u of w_r,uv h_u

    The gates g start at 1 for who met whom and at 0 for the others, and P starts at zero, so that a round starts as one
    of LightGCN.

    Notation: N nodes, D = `width`.

    Source:
        Hamilton et al. (2017), Inductive Representation Learning on Large Graphs, with edge weights; the start as in
        He et al. (2020), LightGCN.
    """

    def __init__(self, width: int) -> None:
        super().__init__(aggr="sum")
        self.gates = nn.Parameter(torch.tensor([1.0] + [0.0] * (len(RELATIONS) - 1)))
        self.own = nn.Linear(width, width)
        self.received = nn.Linear(width, width, bias=False)
        self.correct = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.correct.weight)

    def forward(self, x: Tensor, edges: Sequence[Edges], openness: Tensor) -> Tensor:
        """What every node holds after the round, size N X D.

        Args:
            x: What every node holds, size N X D.
            edges: Edges of each of `RELATIONS`.
            openness: How far a node listens to all but the first relation, 0 to 1, size N X 1.
        """
        first, *others = (self.propagate(each.weights, x=x, turned=each.turned) for each in edges)
        placed = sum((gate * other for gate, other in zip(self.gates[1:], others, strict=True)), torch.zeros(()))
        received = self.gates[0] * first + openness * placed
        corrected: Tensor = received + self.correct(functional.relu(self.own(x) + self.received(received)))
        return corrected

    def message_and_aggregate(self, adj_t: Tensor, x: Tensor, turned: Tensor) -> Tensor:
        """Messages and their sums in one sparse product, size N X D."""
        result: Tensor = _Product.apply(adj_t, turned, x)  # type: ignore[no-untyped-call]
        return result


class AttributeEncoderNet(nn.Module):
    """Attributes of items to their vectors, for items that nobody, or nearly nobody, has met.

    Notation: A = width of the attributes, D = width of the vectors, the bias in the last column included.

    Source:
        Gantner et al. (2010), Learning Attribute-to-Feature Mappings for Cold-Start Recommendations. One layer, so that
        it can be solved: hidden layers placed unmet items no better.
    """

    def __init__(self, attributes: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(attributes, width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, new: Tensor) -> Tensor:
        """Vector of each item, float32, size m X D.

        Args:
            new: Attributes, float32, size m X A; m may be 0.
        """
        return new @ self.weight + self.bias


class GraphSAGE(nn.Module):
    """Vectors of people and items after rounds of messages; the sum of all rounds counts (jumping knowledge).

    Notation: D = `width`, U people, I items, N nodes. A node enters with its own vector times its trust, which grows
    from 0 with how many people met it; what it trusts itself less, it listens more to near items, type, neighbourhood.

    Source:
        Xu et al. (2018), Representation Learning on Graphs with Jumping Knowledge Networks.
    """

    def __init__(self, config: GraphSAGEConfig) -> None:
        super().__init__()
        self.config = config
        self.nodes = nn.Embedding(config.nodes, config.width)
        self.bias = nn.Embedding(config.items, 1)
        self.rounds = nn.ModuleList(WeightedSAGE(config.width) for _ in range(config.layers))
        self.shares = nn.Parameter(torch.full((config.layers + 1,), 1.0 / (config.layers + 1)))
        self.gain = nn.Parameter(torch.ones(()))
        self.dropout = nn.Dropout(config.dropout)
        nn.init.normal_(self.nodes.weight, std=0.01)
        nn.init.zeros_(self.bias.weight)

    def forward(self, edges: Sequence[Edges], trust: Tensor) -> Tensor:
        """Vectors of people, then of items; their inner product is the score, float32, size U + I X D + 1.

        Args:
            edges: Edges of each of `RELATIONS`.
            trust: How far each node goes by its own vector, 0 to 1, float32, size N X 1.
        """
        users = self.config.users
        x = self.dropout(self.nodes.weight * trust)
        total = self.shares[0] * x
        for share, each in zip(self.shares[1:], self.rounds, strict=True):
            x = each(x, edges, 1 - trust)
            total = total + share * x
        people = torch.cat([self.gain * total[:users], torch.ones_like(total[:users, :1])], dim=1)
        items = torch.cat([total[users : users + self.config.items], self.bias.weight], dim=1)
        return torch.cat([people, items])
