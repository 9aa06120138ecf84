"""What sequence models share: items as vectors, the request's context, and what a person comes back to."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hidden_gems.core.clock import DAY_SECONDS

_MINUTE_SECONDS, _HOURS, _WEEK_DAYS = 60.0, 24, 7
GAP_BUCKETS, _STEP_BUCKETS = 26, 18
_TABLE_SPREAD = 0.02
_POINTER_WIDTH = 16
_TINY = 1e-30
_FARTHEST = 30.0  # logarithm of what an event may weigh: where nobody comes back nothing else would bound it
CLOSED = -1e9
"""Added to what must get no weight; finite, so that where nothing is left it stays a number."""


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
    """Score what a person does next, after what they did; of somebody new, what is popular.

    The score is the logarithm of a chance. With the chance that a gate gives it is one of the items of the history,
    each by the weights of its events (a pointer); else it is one that is not there, by a softmax over
    person . item + bias. So the same scores serve people who want something new and people who come back.

    Notation: B people, L events of a history, N requests, R events that count as repeats, M candidates, D = `width`,
    C = width of the context, I items. Histories are item rows, oldest first, 0 where padded on the left; ages are
    seconds before the request (steps where times are an order), 0 where padded.

    Args:
        config: Sizes.
        attributes: What is known about each item beside who met it, size I X A; A may be 0.

    Source:
        The split into new and repeated items after Ren et al. (2019), RepeatNet; here both are read
        from one state.
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
        self.repeats = Repeats(config)
        self.register_buffer("prior", torch.zeros(config.items))
        self.register_buffer("trust", torch.ones(()))
        self.longest_wait = math.inf  # seconds; see `awaited`
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
        self,
        window: tuple[Tensor, Tensor, Tensor],
        past: tuple[Tensor, Tensor, Tensor],
        items: tuple[Tensor, Tensor, Tensor],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits of many requests of a window at once, for training.

        Args:
            window: Histories, int64, and their ages, float32, both size B X L, and the places among B * L of the
                states from which the N requests are answered, int64.
            past: What came before each request, int64, and its ages, float32, both size N X R, and the context of
                each request, float32, size N X C.
            items: What came next at each request, int64, size N; those F of the requests at which it was new, int64;
                and candidates that all requests share, int64, size M.

        Returns:
            Where it was new: the logit of what came next, size F, and of each candidate, size F X M. The logarithm of
            its share in the history, very low where it is not there, and the logit of a repeat, both size N.
        """
        history, ages, at = window
        before, before_ages, context = past
        target, fresh, rows = items
        person = self.fuse(self.encode(history, ages).flatten(0, 1)[at], context)
        weight, gate = self.repeats(before, before_ages, person.detach())
        count = (weight * (before == target[:, None])).sum(-1)
        person, new = person[fresh], target[fresh]
        own = (person * self.item(new)).sum(-1) + self.bias(new).squeeze(-1)
        return own, self.unseen(person, rows), log_of(count) - log_of(weight.sum(-1)), gate

    def request(self, history: Tensor, ages: Tensor, context: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of candidates for one request: history and ages 1 X L, context 1 X C, rows n.

        Returns:
            Scores, size n, and the person's vector, size 1 X D.
        """
        person = self.person(history, ages, context)
        return self.scores(person, history, ages)[0][rows], person

    def person(self, history: Tensor, ages: Tensor, context: Tensor) -> Tensor:
        """Vector of each person at a request, size B X D: history and ages B X L, context B X C."""
        return self.fuse(self.encode(history, self.awaited(ages))[:, -1], context)

    def awaited(self, ages: Tensor) -> Tensor:
        """Ages as an encoder reads them at a request, size B X L: the last event is at most `longest_wait` ago.

        Training asks at the moment of the next event. Somebody asked about long after the last one, which a log that
        was written in one sitting never shows, is read as if they were about to go on.
        """
        if math.isinf(self.longest_wait):
            return ages
        return ages - (ages[:, -1:] - self.longest_wait).clamp(min=0.0)

    def scores(self, person: Tensor, history: Tensor, ages: Tensor) -> Tensor:
        """Score of every item for each person, size B X I: person B X D, history and ages B X L."""
        weight, gate = self.repeats(history, ages, person)
        items = torch.arange(self.table.num_embeddings, device=history.device)
        count = weight.new_zeros(len(history), len(items)).scatter_add(1, history, weight)
        prior = self.get_buffer("prior")
        logit = torch.where((history > 0).any(1, keepdim=True), self.tempered(self.unseen(person, items), items), prior)
        unseen = functional.logsigmoid(-gate) - torch.logsumexp(torch.where(count > 0, CLOSED, logit), dim=1)
        seen = functional.logsigmoid(gate) - log_of(count.sum(1))
        return torch.where(count > 0, log_of(count) + seen[:, None], logit + unseen[:, None])

    def unseen(self, person: Tensor, rows: Tensor) -> Tensor:
        """Logits of candidates that all requests share as if none were in a history, size N X M."""
        score: Tensor = person @ self.item(rows).T + self.bias(rows).squeeze(-1)
        return score

    def tempered(self, logit: Tensor, rows: Tensor) -> Tensor:
        """Logits drawn towards `prior`, the popularity of items, as far as `trust` lets them; 1 leaves them."""
        trust = self.get_buffer("trust")
        return trust * logit + (1.0 - trust) * self.get_buffer("prior")[rows]

    def item(self, rows: Tensor) -> Tensor:
        """Vector of each item, size ... X D."""
        vector: Tensor = self.table(rows)
        if self.from_attributes is not None:
            vector = vector + self.from_attributes(self.get_buffer("attributes")[rows])
        return vector

    def fold(self) -> None:
        """Add what attributes say to each item's own vector, once learning is over; no score changes."""
        with torch.no_grad():
            self.table.weight.copy_(self.item(torch.arange(self.table.num_embeddings)))
        self.from_attributes = None

    def events(self, history: Tensor) -> Tensor:
        """Each event as what an encoder reads, size B X L X D; padding is the start of a history."""
        vector = self.item(history) * self.table.embedding_dim**0.5
        dropped: Tensor = self.drop(torch.where((history > 0)[..., None], vector, self.start))
        return dropped

    def fuse(self, state: Tensor, context: Tensor) -> Tensor:
        """State and context of each request, size ... X D."""
        mixed = torch.relu(self.from_person(state) + self.from_context(context))
        vector: Tensor = state + self.fused(self.drop(mixed))
        return vector


class Repeats(nn.Module):
    """What a person comes back to: a weight for each event of the history, and how likely they come back at all.

    An event weighs by its age, by how many events ago it was, by how far its hour is from that of the request, by days
    between their days of the week (for an order by steps alone), and by how its item suits the person now. This is
    learned from what came next; what comes in the days that follow a request may be closer to habit, so a chosen part
    of all weight goes to plain counts that halve every `half_life` events, and a chosen `shift` moves the gate.
    """

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        self.order_only = config.order_only
        self.by_age = Lookup(GAP_BUCKETS)
        self.by_step = Lookup(_STEP_BUCKETS)
        self.by_hour = Lookup(_HOURS // 2 + 1)
        self.by_day = Lookup(_WEEK_DAYS // 2 + 1)
        self.gate = nn.Linear(config.width + 1, 1)
        self.query = nn.Linear(config.width, _POINTER_WIDTH)
        self.key = nn.Embedding(config.items, _POINTER_WIDTH)
        self.habit = 0.0  # share of the plain counts
        self.half_life = 64.0  # events
        self.shift = 0.0
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)
        nn.init.zeros_(self.key.weight)

    def forward(self, history: Tensor, ages: Tensor, person: Tensor) -> tuple[Tensor, Tensor]:
        """Weight of each event, 0 where padded, size N X R, and the gate, size N; person N X D."""
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
        suits = (self.key(history) @ self.query(person)[..., None]).squeeze(-1)
        known = history > 0
        weight = torch.exp((total + suits).clamp(-_FARTHEST, _FARTHEST)) * known
        sum_ = weight.sum(-1, keepdim=True)
        gate = self.gate(torch.cat([person, torch.log1p(sum_)], dim=-1)).squeeze(-1) + self.shift
        if self.habit:
            counts = torch.exp((1 - step) * (math.log(2.0) / self.half_life)) * known
            plain = counts * (sum_ / counts.sum(-1, keepdim=True).clamp(min=_TINY))
            weight = (1.0 - self.habit) * weight + self.habit * plain
        return weight, torch.where(known.any(-1), gate, CLOSED)


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
        return self.weight.index_select(1, bucket.flatten()).reshape(len(self.weight), *bucket.shape)


def log_of(count: Tensor) -> Tensor:
    """Logarithm that stays finite."""
    return torch.log(count.clamp(min=_TINY))


def gap_bucket(gap: Tensor, *, order_only: bool) -> Tensor:
    """Bucket of a gap in seconds, by powers of two of a minute; of a gap in steps, by powers of the root of two."""
    if order_only:
        bucket = 2.0 * torch.log2(gap.clamp(min=1.0))
    else:
        bucket = torch.log2(1.0 + gap.clamp(min=0.0) / _MINUTE_SECONDS)
    return bucket.long().clamp(max=GAP_BUCKETS - 1)
