"""SASRec and GRU4Rec as parts of the served graph: only what the last event of one history needs is computed."""

from abc import abstractmethod
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.export.part import Answer, Asked, Part
from hidden_gems.models.gru4rec import GRU4Rec
from hidden_gems.models.sasrec import SASRec
from hidden_gems.models.sequences import CLOSED, gap_bucket, log_of
from hidden_gems.training.sequences import SequenceRecommender


class SequencePart(Part):
    """A sequence model: an item is one row of its vector, attributes included, and its bias."""

    def __init__(self, model: SequenceRecommender[Any, Any]) -> None:
        super().__init__()
        settings, module = model.settings, deepcopy(model.module)
        self.read, self.remembered = settings.length, max(settings.length, settings.remembered)
        with torch.no_grad():
            rows = torch.arange(len(model.facts))
            vectors = module.item(rows)
            trust, bias = module.trust, module.tempered(module.bias(rows)[:, 0], rows)
            self.table = nn.Parameter(torch.cat([trust * vectors, bias[:, None]], dim=1).T.contiguous())
            self.events = nn.Parameter(vectors * module.table.embedding_dim**0.5)
            self.events[0] = module.start
        del module.table, module.bias
        module.from_attributes = None
        self.module = module

    def forward(self, asked: Asked) -> Answer:
        """Scores, the person's vector, and attention where the model has one."""
        state, attention = self.state(asked.history[:, -self.read :], self.module.awaited(asked.ages[:, -self.read :]))
        person = self.module.fuse(state, asked.context)
        past, ages = asked.history[:, -self.remembered :], asked.ages[:, -self.remembered :]
        scores = self._scores(person, past, ages)[asked.rows]
        if attention is not None:
            attention = torch.cat([torch.zeros_like(asked.ages[:, : -self.read]), attention], dim=1)
        return Answer(scores, person, attention)

    def _scores(self, person: Tensor, past: Tensor, ages: Tensor) -> Tensor:
        """What `SequenceModel.scores` gives one person, size I, without a copy of the table."""
        weight, gate = self.module.repeats(past, ages, person)
        logit = (functional.pad(person, (0, 1), value=1.0) @ self.table)[0]
        logit = torch.where((past > 0).any(), logit, self.module.prior)
        count = torch.zeros_like(logit).scatter_add(0, past[0], weight[0])
        unseen = functional.logsigmoid(-gate) - torch.logsumexp(torch.where(count > 0, CLOSED, logit), dim=0)
        seen = functional.logsigmoid(gate) - log_of(count.sum())
        return torch.where(count > 0, log_of(count) + seen, logit + unseen)

    @abstractmethod
    def state(self, history: Tensor, ages: Tensor) -> tuple[Tensor, Tensor | None]:
        """State after the last event, size 1 X D, and its attention, size 1 X L: history and ages 1 X L."""


class SASRecPart(SequencePart):
    """SASRec: the last block answers for the last event alone."""

    module: SASRec

    def state(self, history: Tensor, ages: Tensor) -> tuple[Tensor, Tensor | None]:
        """See `SequencePart`."""
        module, length = self.module, history.shape[1]
        place = torch.arange(length) + module.config.positions - length
        x = self.events[history] + module.position(place)
        bias = module.attention_bias(history, ages)
        for block in list(module.blocks)[:-1]:
            x = block(x, bias)
        x, weights = _last_state(module.blocks[-1], x, bias[:, :, -1:])
        return module.norm(x)[:, 0], weights


def _last_state(block: Any, x: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """What a block gives the last event, size 1 X 1 X D, and its attention, mean of the heads, size 1 X L."""
    width, heads = x.shape[-1], block.heads
    normed = block.before_attention(x)
    weight, shift = block.mixed_in.weight, block.mixed_in.bias
    query = functional.linear(normed[:, -1:], weight[:width], shift[:width])
    key, value = functional.linear(normed, weight[width:], shift[width:]).chunk(2, dim=-1)
    query, key, value = (each.reshape(1, -1, heads, width // heads).transpose(1, 2) for each in (query, key, value))
    weights = torch.softmax(query @ key.transpose(2, 3) * query.shape[-1] ** -0.5 + bias, dim=-1)
    x = x[:, -1:] + block.mixed_out((weights @ value).transpose(1, 2).flatten(2))
    return x + block.inner(block.before_inner(x)), weights[:, :, 0].mean(1)


class GRU4RecPart(SequencePart):
    """GRU4Rec: padding is dropped rather than moved, and one start stands before what is left."""

    module: GRU4Rec

    def __init__(self, model: SequenceRecommender[Any, Any]) -> None:
        super().__init__(model)
        self.before = nn.Parameter(torch.zeros(self.module.gru.num_layers, 1, self.module.gru.hidden_size))

    def state(self, history: Tensor, ages: Tensor) -> tuple[Tensor, Tensor | None]:
        """See `SequencePart`."""
        module = self.module
        there = history[0] > 0
        if not module.config.order_only:
            there = there & (ages[0] <= module.config.session_days * DAY_SECONDS)
        gap = gap_bucket(ages - functional.pad(ages[:, 1:], (0, 1)), order_only=module.config.order_only)[0]
        [kept] = torch.nonzero(there, as_tuple=True)
        x = self.events[history[0, kept]] + module.since(gap[kept])
        x = torch.cat([self.events[:1], x])[None]
        return module.norm(module.out(module.gru(x, self.before)[0][:, -1])), None
