"""What each deep model itself says to a request: what its part of the served graph has to say, too."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hidden_gems.training.deep import tensor
from hidden_gems.training.graphsage import GraphSAGERecommender
from hidden_gems.training.gru4rec import GRU4RecRecommender
from hidden_gems.training.ncf import NCFRecommender
from hidden_gems.training.sasrec import SASRecRecommender
from hidden_gems.training.sequences import SequenceRecommender
from hidden_gems.training.wide_deep import WideDeepRecommender

Feed = Mapping[str, NDArray[Any]]
"""Inputs of the served graph by name."""


class Said(NamedTuple):
    """Answer of one model; n candidates, L events of the history, D width of the vector."""

    scores: NDArray[np.float32]  # n
    vector: NDArray[np.float32]  # of the person, 1 X D
    attention: NDArray[np.float32] | None = None  # 1 X L


class _Request(NamedTuple):
    user: Tensor
    rows: Tensor  # 0 for gems that are newer than the release
    context: Tensor
    history: Tensor  # at least one place
    ages: Tensor

    @classmethod
    def of(cls, feed: Feed, items: int) -> "_Request":
        rows = np.where(feed["rows"] < items, feed["rows"], 0)
        padded = {name: np.pad(feed[name], ((0, 0), (1, 0))) for name in ("history", "ages")}
        return cls(*(tensor(each) for each in (feed["user"], rows, feed["context"], *padded.values())))


def _ncf(model: NCFRecommender, feed: Feed) -> Said:
    asked, last = _Request.of(feed, len(model.facts)), slice(-model.settings.length, None)
    scores = model.module(asked.user, asked.rows, asked.context, tensor(model.facts.attributes)[asked.rows])
    own = asked.rows[None], asked.history[:, last], asked.ages[:, last]
    scores = model.module.returns(scores[None], *own)[0]
    return Said(scores.numpy(), model.module.user(asked.user).numpy())


def _wide_deep(model: WideDeepRecommender, feed: Feed) -> Said:
    asked, last = _Request.of(feed, len(model.facts)), slice(-model.settings.length, None)
    history, ages = asked.history[:, last], asked.ages[:, last]
    scores = model.module(asked.user, asked.rows[None], asked.context, history, ages)[0]
    return Said(scores.numpy(), model.module.user(model.module.user_row[asked.user]).numpy())


def _sasrec(model: SASRecRecommender, feed: Feed) -> Said:
    asked = _Request.of(feed, len(model.facts))
    attention = model.module.attention(asked.history, asked.ages)[:, 1:].numpy() * (feed["history"] > 0)
    return _sequence(model, asked)._replace(attention=attention)


def _gru4rec(model: GRU4RecRecommender, feed: Feed) -> Said:
    return _sequence(model, _Request.of(feed, len(model.facts)))


def _sequence(model: SequenceRecommender[Any, Any], asked: _Request) -> Said:
    last = slice(-max(model.settings.remembered, model.settings.length), None)
    history, ages = asked.history[:, last], asked.ages[:, last]
    scores, person = model.module.request(history, ages, asked.context, asked.rows)
    return Said(scores.numpy(), person.numpy())


def _graphsage(model: GraphSAGERecommender, feed: Feed) -> Said:
    user, choice = model.user_table[feed["user"]], model.choice
    vectors = np.concatenate([model.item_table, model.encoder(tensor(feed["new"])).numpy()])
    scores = vectors[feed["rows"]] @ user[0]
    met = feed["history"][feed["history"] > 0]
    for later, item in enumerate(met[::-1]):
        scores += choice.own_weight * 0.5 ** (later / choice.own_half_life) * (feed["rows"] == item)
    return Said(scores.astype(np.float32), user)


def _quiet(answer: Callable[[Any, Feed], Said]) -> Callable[[Any, Feed], Said]:
    return torch.inference_mode()(answer)


REFERENCES = {
    "ncf": _quiet(_ncf),
    "wide_deep": _quiet(_wide_deep),
    "sasrec": _quiet(_sasrec),
    "gru4rec": _quiet(_gru4rec),
    "graphsage": _quiet(_graphsage),
}
