"""Neural collaborative filtering: a product path and a perceptron path, fused, with what is known about both sides."""

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from hidden_gems.models.traces import Returns


@dataclass(frozen=True)
class NCFConfig:
    """Sizes of the tables and layers; nothing about data, devices or training."""

    users: int  # rows of the user table, the unknown user at 0 included
    items: int  # rows of the item table, the unknown item at 0 included
    user_context: int  # width of what is known about the request
    item_context: int  # width of what is known about the item
    width: int = 128  # embedding width
    hidden: tuple[int, ...] = (128, 64, 32)  # widths of the perceptron path, at least one
    dropout: float = 0.2


class NCF(nn.Module):
    """Score how likely a user interacts with an item.

    Notation: D = `width`, C and A = width of user and item context, H = first and K = last of `hidden`; `...` stands
    for leading sizes that broadcast, so one user meets many items without being repeated.

    Source:
        He et al. (2017), Neural Collaborative Filtering. One table per side serves both paths (the paper has two),
        contexts enter the perceptron path, and each item has a bias. The first perceptron layer is a sum of one part
        per input, which equals one layer over their concatenation; the parts of the contexts start at zero, so a
        context that training never shows changes no score. Of an item that a person knows, their own visits say
        more than both paths (`returns`): a factor model ranks what people know already far too low.
    """

    def __init__(self, config: NCFConfig) -> None:
        super().__init__()
        first, last = config.hidden[0], config.hidden[-1]
        self.user = nn.Embedding(config.users, config.width)
        self.item = nn.Embedding(config.items, config.width)
        self.bias = nn.Embedding(config.items, 1)
        self.from_user = nn.Linear(config.width, first)
        self.from_item = nn.Linear(config.width, first, bias=False)
        self.from_user_context = nn.Linear(config.user_context, first, bias=False)
        self.from_item_context = nn.Linear(config.item_context, first, bias=False)
        self.perceptron = nn.Sequential(
            nn.ReLU(),
            nn.Dropout(config.dropout),
            *(
                layer
                for inner, outer in pairwise(config.hidden)
                for layer in (nn.Linear(inner, outer), nn.ReLU(), nn.Dropout(config.dropout))
            ),
        )
        self.returns = Returns()
        self.fuse_product = nn.Linear(config.width, 1, bias=False)
        self.fuse_mixed = nn.Linear(last, 1)
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=config.width**-0.5)
        for start_at_zero in (self.bias, self.from_user_context, self.from_item_context):
            nn.init.zeros_(start_at_zero.weight)

    def forward(self, user: Tensor, item: Tensor, user_context: Tensor, item_context: Tensor) -> Tensor:
        """Logit of each pair.

        Args:
            user: Row of each user, int64, size ...
            item: Row of each item, int64, size ...
            user_context: What is known about the request, float32, size ... X C.
            item_context: What is known about the item, float32, size ... X A.

        Returns:
            Logits, float32, size ...
        """
        return self.fuse(self.user_side(user, user_context), self.item_side(item, item_context))

    def checkpointed_blocks(self) -> tuple[nn.Module, ...]:
        """The perceptron path holds most between its input and its output."""
        return (self.perceptron,)

    def user_side(self, user: Tensor, user_context: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding, size ... X D, and the user's part of the first layer, size ... X H."""
        embedding = self.user(user)
        return embedding, self.from_user(embedding) + self.from_user_context(user_context)

    def item_side(self, item: Tensor, item_context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embedding, size ... X D, the item's part of the first layer, size ... X H, and its bias, size ..."""
        embedding = self.item(item)
        return embedding, self.from_item(embedding) + self.from_item_context(item_context), self.bias(item).squeeze(-1)

    def fuse(self, users: tuple[Tensor, Tensor], items: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Logits of two sides that broadcast, size ..."""
        (u, from_user), (v, from_item, bias) = users, items
        product = self.fuse_product(u * v)  # ... X 1
        mixed = self.fuse_mixed(self.perceptron(from_user + from_item))  # ... X 1
        logits: Tensor = (product + mixed).squeeze(-1) + bias
        return logits
