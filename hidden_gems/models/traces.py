"""What a person's history says about a candidate: how often, how lately and at which hour they met it or its like."""

import math

import torch
from torch import Tensor

from hidden_gems.core.clock import DAY_SECONDS

KERNELS = ("all", "rank_1", "rank_4", "rank_16", "day", "week", "month", "same_hour", "same_hour_of_week")
"""Weights of a past interaction: 1; fading with the number of later ones; fading with its age; by the clock."""

_WEEK_DAYS, _MONTH_DAYS = 7.0, 30.0
_RANKS = (1.0, 4.0, 16.0)  # later interactions after which e times less is left
_HOUR_SHARPNESS, _HOUR_OF_WEEK_SHARPNESS = 4.0, 24.0  # spreads of about 3 and 8 hours


def kernel_weights(history: Tensor, ages: Tensor) -> Tensor:
    """Weight of each past interaction under each kernel, float32, size B X L X K, 0 where padded.

    The hour of a past interaction follows from its age alone: an age of whole days is the same hour. Where times are
    only an order, the kernels of time see ages of a few seconds and are all but 1.

    Args:
        history: Item rows, oldest first, 0 where padded on the left, int64, size B X L.
        ages: How long ago each was, seconds, float32, size B X L.
    """
    there = (history > 0).to(ages.dtype)
    rank = torch.ones_like(ages).flip(-1).cumsum(-1).flip(-1) - 1.0  # later places, padding is never later
    days = ages / DAY_SECONDS
    columns = [torch.ones_like(ages)]
    columns += [torch.exp(-rank / scale) for scale in _RANKS]
    columns += [torch.exp(-days / scale) for scale in (1.0, _WEEK_DAYS, _MONTH_DAYS)]
    columns += [_round_the_clock(days, _HOUR_SHARPNESS), _round_the_clock(days / _WEEK_DAYS, _HOUR_OF_WEEK_SHARPNESS)]
    return torch.stack(columns, dim=-1) * there[..., None]


def met_candidates(candidates: Tensor, history: Tensor, weights: Tensor) -> Tensor:
    """Weight of the past interactions with each candidate (or its kind), float32, size B X N X K.

    Args:
        candidates: Keys of the candidates, int64, size B X N; the key 0 was never met.
        history: Keys of the past interactions, int64, size B X L.
        weights: Of each past interaction, size B X L X K.
    """
    same = (candidates[:, :, None] == history[:, None, :]) & (candidates > 0)[:, :, None]
    return same.to(weights.dtype) @ weights


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
