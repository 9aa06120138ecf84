"""GRU4Rec: a recurrent network over the session, what a person did in the last days."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.models.sequences import GAP_BUCKETS, SequenceConfig, SequenceModel, gap_bucket


@dataclass(frozen=True)
class GRU4RecConfig(SequenceConfig):
    """Sizes of the tables and layers; nothing about data, devices or training."""

    hidden: int = 128  # width of the state
    session_days: float = 30.0  # what is older is not read; an order has no days and is read as it is
    positions: int = 50  # last events of the history that are read


class GRU4Rec(SequenceModel):
    """A GRU over a session; notation as in `SequenceModel`.

    Args:
        config: Sizes.
        attributes: What is known about each item, size I X A.

    Source:
        Hidasi et al. (2016), Session-based Recommendations with Recurrent Neural Networks; loss over many candidates
        after Hidasi and Karatzoglou (2018). Unlike there, one table serves events and candidates, and the context of
        the request is fused with the state.
    """

    def __init__(self, config: GRU4RecConfig, attributes: Tensor) -> None:
        super().__init__(config, attributes)
        self.config = config
        self.since = nn.Embedding(GAP_BUCKETS, config.width)
        dropout = config.dropout if config.layers > 1 else 0.0
        self.gru = nn.GRU(config.width, config.hidden, config.layers, batch_first=True, dropout=dropout)
        self.out = nn.Linear(config.hidden, config.width)
        self.norm = nn.LayerNorm(config.width)
        nn.init.zeros_(self.since.weight)

    def encode(self, history: Tensor, ages: Tensor) -> Tensor:
        """State after each event of the session, size B X L X D; before it that of a person without history."""
        history, ages = history[:, -self.config.positions :], ages[:, -self.config.positions :]
        if not self.config.order_only:
            history = history * (ages <= self.config.session_days * DAY_SECONDS)
        length = history.shape[1]
        empty = (history == 0).sum(1, keepdim=True)  # B X 1, all on the left
        # The session moves to the left, behind one start, so that the network never reads padding before it.
        place = torch.arange(length + 1, device=history.device) + empty - 1  # B X L + 1
        there = (place >= empty) & (place < length)
        moved = torch.where(there, history.gather(1, place.clamp(0, length - 1)), 0)
        asked = torch.cat([ages[:, 1:], torch.zeros_like(ages[:, :1])], dim=1)
        gap = gap_bucket(ages - asked, order_only=self.config.order_only).gather(1, place.clamp(0, length - 1))
        x = self.events(moved) + self.since(gap) * there[..., None]
        state: Tensor = self.norm(self.out(self.drop(self.gru(x)[0])))
        back = (torch.arange(1, length + 1, device=history.device) - empty).clamp(min=0)  # B X L
        return state.gather(1, back[..., None].expand(-1, -1, state.shape[-1]))
