"""SASRec: self-attention over what a person did, biased by time and distance."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hidden_gems.models.sequences import CLOSED, GAP_BUCKETS, Lookup, SequenceConfig, SequenceModel, gap_bucket

_EARTH_KM, _NEAR_KM = 6371.0, 0.1
_DISTANCE_BUCKETS = 18


@dataclass(frozen=True)
class SASRecConfig(SequenceConfig):
    """Sizes of the tables and layers; nothing about data, devices or training."""

    heads: int = 4
    inner: int = 512  # width inside a feed-forward part
    positions: int = 50  # last events of the history that are read


class SASRec(SequenceModel):
    """Causal self-attention over a history.

    Notation as in `SequenceModel`; H = `heads`.

    Args:
        config: Sizes.
        attributes: What is known about each item, size I X A.
        place: Degrees of latitude and longitude, NaN where unknown, size I X 2.

    Source:
        Kang and McAuley (2018), Self-Attentive Sequential Recommendation. Unlike there, layers are normalised before
        each part, attention has a bias by the time between an event and the request that a position answers and by the
        distance between two places, and the context of the request is fused with the last state.
    """

    def __init__(self, config: SASRecConfig, attributes: Tensor, place: Tensor) -> None:
        super().__init__(config, attributes)
        self.config = config
        self.position = nn.Embedding(config.positions, config.width)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.by_gap = Lookup(GAP_BUCKETS, config.heads)
        self.by_distance = Lookup(_DISTANCE_BUCKETS, config.heads)
        nn.init.normal_(self.position.weight, std=0.02)
        first: _Block = self.blocks[0]  # type: ignore[assignment]
        first.start_neutral()
        self.register_buffer("place", _on_sphere(place), persistent=False)
        self.places_known = bool((~place.isnan()).any())

    def encode(self, history: Tensor, ages: Tensor) -> Tensor:
        """State after each event, size B X L X D."""
        return self._run(history, ages)[0]

    def attention(self, history: Tensor, ages: Tensor) -> Tensor:
        """How much of the last layer's attention each event gets at the request, mean of the heads, size B X L."""
        _, x, bias = self._run(history, self.awaited(ages))
        last: _Block = self.blocks[-1]  # type: ignore[assignment]
        return functional.pad(last.weights(x, bias)[:, :, -1].mean(1), (history.shape[1] - x.shape[1], 0))

    def _run(self, history: Tensor, ages: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """States, what the last block reads, and the bias of attention."""
        history, ages = history[:, -self.config.positions :], ages[:, -self.config.positions :]
        place = torch.arange(history.shape[1], device=history.device) + self.config.positions - history.shape[1]
        x, bias = self.events(history) + self.position(place), self.attention_bias(history, ages)
        read = x
        for block in self.blocks:
            read, x = x, block(x, bias)
        return self.norm(x), read, bias

    def attention_bias(self, history: Tensor, ages: Tensor) -> Tensor:
        """What is added before attention's softmax, size B X H X L X L."""
        length = history.shape[1]
        asked = functional.pad(ages[:, 1:], (0, 1))  # when what follows each event was asked for
        gap = gap_bucket(ages[:, None] - asked[..., None], order_only=self.config.order_only)
        bias = self.by_gap(gap)
        if self.places_known:
            bias = bias + self._distance_bias(history)
        row = torch.arange(length, device=history.device)
        seen = (row[:, None] >= row) & (history > 0)[:, None]
        open_ = seen | (row[:, None] == row)
        return torch.where(open_[:, None], bias.transpose(0, 1), CLOSED)

    def _distance_bias(self, history: Tensor) -> Tensor:
        at = self.get_buffer("place")[history]  # B X L X 3
        known = (at.abs().sum(-1) > 0).float()
        chord = (2.0 - 2.0 * (at @ at.transpose(1, 2))).clamp(min=0.0).sqrt()
        bucket = torch.log2(1.0 + chord * (_EARTH_KM / _NEAR_KM)).long().clamp(max=_DISTANCE_BUCKETS - 1)
        bias: Tensor = self.by_distance(bucket) * (known[:, None] * known[..., None])
        return bias


class _Block(nn.Module):
    def __init__(self, config: SASRecConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.before_attention, self.before_inner = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.mixed_in = nn.Linear(config.width, 3 * config.width)
        self.mixed_out = nn.Linear(config.width, config.width)
        self.inner = nn.Sequential(
            nn.Linear(config.width, config.inner),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.inner, config.width),
        )
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        query, key, value = self._heads(x)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        x = x + self.drop(self.mixed_out(mixed.transpose(1, 2).flatten(2)))
        return x + self.drop(self.inner(self.before_inner(x)))  # type: ignore[no-any-return]

    def start_neutral(self) -> None:
        """Attention adds nothing to begin with, and what it would add are the events as they are."""
        width = self.mixed_out.in_features
        with torch.no_grad():
            nn.init.eye_(self.mixed_in.weight[2 * width :])
            nn.init.zeros_(self.mixed_out.weight)

    def weights(self, x: Tensor, bias: Tensor) -> Tensor:
        """Attention of each head, size B X H X L X L."""
        query, key, _ = self._heads(x)
        return torch.softmax(query @ key.transpose(2, 3) * query.shape[-1] ** -0.5 + bias, dim=-1)

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mixed = self.mixed_in(self.before_attention(x)).unflatten(-1, (3, self.heads, -1))  # B X L X 3 X H X K
        query, key, value = mixed.permute(2, 0, 3, 1, 4).unbind(0)
        return query, key, value


def _on_sphere(place: Tensor) -> Tensor:
    """Degrees of latitude and longitude as points on the unit sphere, zeros where unknown, float32, size I X 3."""
    lat, lon = torch.deg2rad(place.double()).unbind(-1)
    point = torch.stack([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()], dim=-1)
    return point.nan_to_num(0.0).float()
