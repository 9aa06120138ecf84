"""What sequence models share: items as vectors, the request's context, and what a person comes back to."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hidden_gems.core.clock import DAY_SECONDS

_MINUTE_SECONDS, _HOURS, _WEEK_DAYS = 60.0, 24, 7
GAP_BUCKETS, _STEP_BUCKETS = 26, 18
_TABLE_SPREAD = 0.02


@dataclass(frozen=True)
class SequenceConfig:
    """Sizes that every sequence model has; nothing about data, devices or training."""

    items: int  # rows of the item table, the unknown item at 0 included
    context: int  # width of what is known about the request
    width: int = 128  # of item and person vectors
    layers: int = 2
    dropout: float = 0.1
    order_only: bool = False  # ages are steps, not seconds


class SequenceModel(nn.Module, ABC):
    """Score what a person does next, after what they did.

    score(i) = person . item(i) + bias(i) + gain(person) x log(1 + count(i)), where the count sums learned weights over
    those events of the history that are i itself. The last part lets the same scores serve people who come back to
    where they were and people who want something new: items without a past have no such part.

    Notation: B people, L events of a history, N requests, R events that count as repeats, M candidates, D = `width`,
    C = width of the context, I items. Histories are item rows, oldest first, 0 where padded on the left; ages are
    seconds before the request (steps where times are an order), 0 where padded.

    Args:
        config: Sizes.
        attributes: What is known about each item beside who met it, size I X A; A may be 0.
    """

    def __init__(self, config: SequenceConfig, attributes: Tensor) -> None:
        super().__init__()
        self.table = nn.Embedding(config.items, config.width)
        self.bias = nn.Embedding(config.items, 1)
        self.register_buffer("attributes", attributes, persistent=False)
        known = attributes.shape[1]
        self.from_attributes = nn.Linear(known, config.width, bias=False) if known else None
        self.start = nn.Parameter(torch.zeros(config.width))
        self.drop = nn.Dropout(config.dropout)
        self.from_person = nn.Linear(config.width, config.width)
        self.from_context = nn.Linear(config.context, config.width, bias=False)
        self.fused = nn.Linear(config.width, config.width)
        self.repeats = Repeats(config.width, config.order_only)
        nn.init.normal_(self.table.weight, std=_TABLE_SPREAD)
        nn.init.zeros_(self.bias.weight)
        nn.init.zeros_(self.from_context.weight)  # a context that training never shows changes no score
        nn.init.normal_(self.fused.weight, std=_TABLE_SPREAD)
        nn.init.zeros_(self.fused.bias)
        if self.from_attributes is not None:
            nn.init.zeros_(self.from_attributes.weight)

    @abstractmethod
    def encode(self, history: Tensor, ages: Tensor) -> Tensor:
        """State after each event, which knows nothing of later events, size B X L X D.

        What is padded counts for nothing; its own state is that of a person without history.

        Args:
            history: Item rows, int64, size B X L.
            ages: float32, size B X L; the request is that after the last event.
        """

    def forward(
        self, window: tuple[Tensor, Tensor, Tensor], past: tuple[Tensor, Tensor, Tensor], items: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Logits of many requests of a window at once, for training.

        Args:
            window: Histories, int64, and their ages, float32, both size B X L, and the places among B * L of the
                states from which the N requests are answered, int64.
            past: What came before each request, int64, and its ages, float32, both size N X R, and the context of
                each request, float32, size N X C.
            items: What came next at each request, int64, size N, and candidates that all requests share, each once,
                int64, size M.

        Returns:
            Logit of what came next, size N, and of each candidate, size N X M.
        """
        history, ages, at = window
        before, before_ages, context = past
        target, rows = items
        person = self.fuse(self.encode(history, ages).flatten(0, 1)[at], context)
        weight = self.repeats.weights(before, before_ages)
        return self.pairs(person, before, weight, target), self.shared(person, before, weight, rows)

    def request(self, history: Tensor, ages: Tensor, context: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of candidates for one request: history and ages 1 X L, context 1 X C, rows n.

        Returns:
            Logits, size n, and the person's vector, size 1 X D.
        """
        person = self.person(history, ages, context)
        count = repeat_count(history, self.repeats.weights(history, ages), rows[None])
        return self._score(person, rows, count)[0], person

    def person(self, history: Tensor, ages: Tensor, context: Tensor) -> Tensor:
        """Vector of each person at a request, size B X D: history and ages B X L, context B X C."""
        return self.fuse(self.encode(history, ages)[:, -1], context)

    def shared(self, person: Tensor, history: Tensor, weight: Tensor, rows: Tensor) -> Tensor:
        """Logits of candidates that all requests share, size N X M.

        Args:
            person: Vector of each person, size N X D.
            history: Item rows of the events that count as repeats, int64, size N X R.
            weight: Their weights, size N X R.
            rows: Candidates, each once, int64, size M.
        """
        slot = torch.full((self.table.num_embeddings,), len(rows), device=rows.device)
        slot[rows] = torch.arange(len(rows), device=rows.device)
        count = weight.new_zeros(len(history), len(rows) + 1).scatter_add(1, slot[history], weight)
        return self._score(person, rows, count[:, :-1])

    def pairs(self, person: Tensor, history: Tensor, weight: Tensor, rows: Tensor) -> Tensor:
        """Logit of one candidate of each request, size N: see `shared`; rows N."""
        count = repeat_count(history, weight, rows[:, None])
        score = (person * self.item(rows)).sum(-1) + self.bias(rows).squeeze(-1)
        return score + self.repeats(count, person).squeeze(-1)

    def item(self, rows: Tensor) -> Tensor:
        """Vector of each item, size ... X D."""
        vector: Tensor = self.table(rows)
        if self.from_attributes is not None:
            vector = vector + self.from_attributes(self.get_buffer("attributes")[rows])
        return vector

    def events(self, history: Tensor) -> Tensor:
        """Each event as what an encoder reads, size B X L X D; padding is the start of a history."""
        vector = self.item(history) * self.table.embedding_dim**0.5
        return self.drop(torch.where((history > 0)[..., None], vector, self.start))

    def fuse(self, state: Tensor, context: Tensor) -> Tensor:
        """State and context of each request, size ... X D."""
        mixed = torch.relu(self.from_person(state) + self.from_context(context))
        vector: Tensor = state + self.fused(self.drop(mixed))
        return vector

    def _score(self, person: Tensor, rows: Tensor, count: Tensor) -> Tensor:
        score: Tensor = person @ self.item(rows).T + self.bias(rows).squeeze(-1) + self.repeats(count, person)
        return score


class Repeats(nn.Module):
    """What a person comes back to: a learned count of each item in the history.

    An event weighs by its age, by how many events ago it was, by how far its hour is from that of the request, and
    whether it was on the same day of the week; for an order by steps alone.
    """

    def __init__(self, width: int, order_only: bool) -> None:
        super().__init__()
        self.order_only = order_only
        self.by_age = Lookup(GAP_BUCKETS)
        self.by_step = Lookup(_STEP_BUCKETS)
        self.by_hour = Lookup(_HOURS // 2 + 1)
        self.by_day = Lookup(_WEEK_DAYS // 2 + 1)
        self.gain = nn.Linear(width, 1)
        nn.init.zeros_(self.gain.weight)
        nn.init.ones_(self.gain.bias)

    def weights(self, history: Tensor, ages: Tensor) -> Tensor:
        """Weight of each event, 0 where padded, size N X R."""
        step = torch.arange(history.shape[1], 0, -1, device=history.device)
        total = self.by_step((2.0 * torch.log2(step.float())).long().clamp(max=_STEP_BUCKETS - 1))[0]
        if not self.order_only:
            days = ages / DAY_SECONDS
            hours = (days - torch.round(days)).abs() * _HOURS
            weeks = days / _WEEK_DAYS
            off = (weeks - torch.round(weeks)).abs() * _WEEK_DAYS
            total = total + self.by_age(gap_bucket(ages, order_only=False))[0]
            total = total + self.by_hour(torch.round(hours).long())[0]
            total = total + self.by_day(torch.round(off).long().clamp(max=_WEEK_DAYS // 2))[0]
        return torch.exp(total) * (history > 0)

    def forward(self, count: Tensor, person: Tensor) -> Tensor:
        """What a count adds to the logit: count N X n, person N X D."""
        bonus: Tensor = self.gain(person) * torch.log1p(count)
        return bonus


class Lookup(nn.Module):
    """Numbers by bucket, learned, from zero; its backward pass is much faster than that of an embedding.

    Args:
        buckets: How many.
        columns: Numbers in each.
    """

    def __init__(self, buckets: int, columns: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(columns, buckets))

    def forward(self, bucket: Tensor) -> Tensor:
        """Numbers of each bucket, size columns X ..."""
        return self.weight.index_select(1, bucket.flatten()).unflatten(1, bucket.shape)


def repeat_count(history: Tensor, weight: Tensor, rows: Tensor) -> Tensor:
    """Sum of the weights of those events that are the candidate, size N X n; history N X R, rows N X n."""
    same = rows[..., None] == history[:, None]  # N X n X R
    return (same * weight[:, None]).sum(-1)


def gap_bucket(gap: Tensor, *, order_only: bool) -> Tensor:
    """Bucket of a gap in seconds, by powers of two of a minute; of a gap in steps, by powers of the root of two."""
    if order_only:
        bucket = 2.0 * torch.log2(gap.clamp(min=1.0))
    else:
        bucket = torch.log2(1.0 + gap.clamp(min=0.0) / _MINUTE_SECONDS)
    return bucket.long().clamp(max=GAP_BUCKETS - 1)
