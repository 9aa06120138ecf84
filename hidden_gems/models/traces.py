"""What a person's history says about a candidate: how often, how lately and at which hour they met it or its like."""

import math

import torch
from torch import Tensor, nn

from hidden_gems.core.clock import DAY_SECONDS

KERNELS = ("all", "rank_1", "rank_4", "rank_16", "day", "week", "month", "same_hour", "same_hour_of_week")
"""Weights of a past interaction: 1; fading with the number of later ones; fading with its age; by the clock."""

MEETING_SECONDS = 43_200.0
"""What a person does with an item within this time, and with nothing else between, is one meeting."""

_WEEK_DAYS, _MONTH_DAYS = 7.0, 30.0
_RANKS = (1.0, 4.0, 16.0)  # later interactions after which e times less is left
_HOUR_SHARPNESS, _HOUR_OF_WEEK_SHARPNESS = 4.0, 24.0  # spreads of about 3 and 8 hours


class Returns(nn.Module):
    """What a person's own visits of an item make of its logit: an item they do not know keeps its own.

    A weight for the logarithm of each kernel's count, at first 0; the share of the logit that is kept, at first all of
    it: to be taken for one of many new items says little about when a person comes back to an item; and a shift that is
    not learned: the best of many new items promise too much beside a few known ones.
    """

    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(len(KERNELS)))
        self.kept = nn.Parameter(torch.ones(()))
        self.register_buffer("shift", torch.zeros(()))

    def forward(self, logits: Tensor, candidates: Tensor, history: Tensor, ages: Tensor) -> Tensor:
        """Logits of candidates after own visits, from those without, both size B X N; see `met_candidates`."""
        return self.after(logits, met_candidates(candidates, history, kernel_weights(history, ages)))

    def after(self, logits: Tensor, met: Tensor) -> Tensor:
        """Logits after visits of these weights, size ... and ... X K."""
        return torch.where(met[..., 0] > 0, logits * self.kept + self.shift, logits) + torch.log1p(met) @ self.weight

    def catalogue(self, logits: Tensor, history: Tensor, ages: Tensor) -> Tensor:
        """Logits of every item after own visits, from those without, both size B X I."""
        return logits.scatter(1, history, self(logits.gather(1, history), history, history, ages))


def kernel_weights(history: Tensor, ages: Tensor) -> Tensor:
    """Weight of each past interaction under each kernel, float32, size B X L X K, 0 where padded.

    Interactions with one item in a row within `MEETING_SECONDS` are one meeting, of which the last one counts: a click,
    a visit and a rating say it once. The hour of a past interaction follows from its age alone: an age of whole days is
    the same hour. Where times are only an order, the kernels of time see ages of a few seconds and are all but 1.

    Args:
        history: Item rows, oldest first, 0 where padded on the left, int64, size B X L.
        ages: How long ago each was, seconds, float32, size B X L.
    """
    there = last_of_meetings(history, ages)
    rank = there.flip(-1).cumsum(-1).flip(-1) - there  # later meetings
    days = ages / DAY_SECONDS
    columns = [torch.ones_like(ages)]
    columns += [torch.exp(-rank / scale) for scale in _RANKS]
    columns += [torch.exp(-days / scale) for scale in (1.0, _WEEK_DAYS, _MONTH_DAYS)]
    columns += [_round_the_clock(days, _HOUR_SHARPNESS), _round_the_clock(days / _WEEK_DAYS, _HOUR_OF_WEEK_SHARPNESS)]
    return torch.stack(columns, dim=-1) * there[..., None]


def last_of_meetings(history: Tensor, ages: Tensor) -> Tensor:
    """1 for the last interaction of each meeting, 0 for what came before it and where padded, float32, size B X L."""
    later, later_ages = history[:, 1:], ages[:, 1:]
    same = (history[:, :-1] == later) & (ages[:, :-1] - later_ages < MEETING_SECONDS)
    again = torch.cat([same, torch.zeros_like(history[:, :1], dtype=torch.bool)], dim=1)
    return ((history > 0) & ~again).to(ages.dtype)


def met_candidates(candidates: Tensor, history: Tensor, weights: Tensor) -> Tensor:
    """Weight of the past interactions with each candidate (or its kind), float32, size B X N X K.

    Args:
        candidates: Keys of the candidates, int64, size B X N; the key 0 was never met.
        history: Keys of the past interactions, int64, size B X L.
        weights: Of each past interaction, size B X L X K.
    """
    same = (candidates[:, :, None] == history[:, None, :]) & (candidates > 0)[:, :, None]
    return torch.stack([(same * each[:, None]).sum(dim=-1) for each in weights.unbind(dim=-1)], dim=-1)


def met_keys(keys: int, history: Tensor, weights: Tensor) -> Tensor:
    """What `met_candidates` gives for every key there is, float32, size B X keys X K."""
    table = weights.new_zeros(len(history), keys, weights.shape[-1])
    table.scatter_add_(1, history[..., None].expand_as(weights), weights)
    table[:, 0] = 0.0
    return table


def _round_the_clock(turns: Tensor, sharpness: float) -> Tensor:
    """1 after whole turns, 0 half a turn away from one."""
    phase = (turns - torch.floor(turns)) * (2.0 * math.pi)
    return ((1.0 + torch.cos(phase)) / 2.0) ** sharpness
