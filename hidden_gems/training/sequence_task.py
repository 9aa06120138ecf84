"""What a sequence model learns from: every event of a log, predicted from what came before it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.models.held_out import HeldOut
from hidden_gems.models.histories import Histories
from hidden_gems.models.sequences import CLOSED
from hidden_gems.training.deep import tensor
from hidden_gems.training.windows import Windows, by_person

if TYPE_CHECKING:
    from hidden_gems.training.sequences import SequenceRecommender


class SequenceTask:
    """Every event of a log once, by softmax cross-entropy over the catalogue or over a weighted sample of it.

    A sample draws each item on its own with a known chance; the logit of a drawn one is lowered by the logarithm of
    this chance, that of what came next is not, so that the sum under the softmax is right on average.

    Source:
        Klenitskiy and Vasilev (2023), Turning Dross Into Gold Loss: is BERT4Rec really better than SASRec?; the
        correction after Yi et al. (2019), Sampling-Bias-Corrected Neural Modeling for Large Corpus Item
        Recommendations, without lowering what came next, which is there for certain.
    """

    def __init__(
        self, module: Any, log: Interactions, model: "SequenceRecommender[Any, Any]", held_out: HeldOut | None
    ) -> None:
        settings = model.settings
        self.module, self.model, self.held_out = module, model, held_out
        self.log = by_person(log)
        self.windows = Windows(self.log, settings.length, settings.predictions, settings.session_days)
        self.examples = self.windows.steps
        self.histories = Histories.of(log)
        self.context = model.context(self.log.moments)
        count = np.bincount(self.log.item, minlength=log.items)
        self.items = np.flatnonzero(count)
        self.chance = _chances(count[self.items], settings.candidates)
        self.remembered = int(min(settings.remembered, np.bincount(self.log.user).max()))
        self.epoch, self.steps = -1, list[NDArray[np.int64]]()

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """Single numbers, the table of items and the rest, each at its own rate."""
        settings, groups = self.model.settings, list[dict[str, Any]]()
        shares = {"scalars": settings.scalar_rate, "table": settings.table_rate, "others": 1.0}
        for group, share in shares.items():
            found = [p for name, p in self.module.named_parameters() if _group(name) == group]
            groups.append({"params": found, "lr": rate * share})
        return groups

    def begin_epoch(self, epoch: int) -> None:
        """Cut the windows anew."""
        self.epoch = epoch
        self.steps = self.windows.cut(np.random.default_rng([self.model.settings.loop.seed, 2, epoch]))

    def loss(self, model: Callable[..., Any], rows: NDArray[np.int64], random: np.random.Generator) -> Tensor:
        """Mean negative log-likelihood of what came next, weighted by reward."""
        batch = self.windows.read(np.concatenate([self.steps[row] for row in rows]))
        past, past_ages = self.windows.before(batch.target, max(1, self.remembered))
        target, reward = self.log.item[batch.target], tensor(self.log.reward[batch.target])
        drawn = random.random(len(self.items)) < self.chance
        candidates, chance = self.items[drawn], self.chance[drawn]
        known = (past == target[:, None]).any(1)
        fresh = np.flatnonzero(~known)
        own, logits, repeat, gate = model(
            (tensor(batch.history), tensor(batch.ages), tensor(batch.at)),
            (tensor(past), tensor(past_ages), tensor(self.context[batch.target])),
            (tensor(target), tensor(fresh), tensor(candidates)),
        )
        logits = logits - tensor(np.log(chance).astype(np.float32))
        met = self._places(np.column_stack([past, target])[fresh], candidates)
        total = torch.logsumexp(logits.index_put(met, torch.tensor(CLOSED)), dim=1)
        as_new = torch.zeros_like(gate).index_put((tensor(fresh),), torch.logaddexp(total, own) - own)
        each = as_new + torch.where(tensor(known), functional.softplus(-gate) - repeat, functional.softplus(gate))
        return (each * reward).sum() / reward.sum()

    def _places(self, items: Rows, candidates: Rows) -> tuple[Tensor, Tensor]:
        """Where some items, N X R, stand in a table of N X M candidates."""
        slot = np.full(len(self.model.facts), -1)
        slot[candidates] = np.arange(len(candidates))
        place = slot[items]
        row, column = np.nonzero(place >= 0)
        return tensor(row), tensor(place[row, column])

    def validate(self) -> float | None:
        """Value on what was held out; None where nothing was."""
        if self.held_out is None:
            return None
        found = self.held_out
        return found.value(self.model.catalogue(self.module, found.user, found.moments, self.histories))

    def state(self) -> dict[str, Tensor]:
        """The epoch, from which the windows follow."""
        return {"epoch": torch.tensor(self.epoch)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""
        self.begin_epoch(int(state["epoch"]))


def _group(name: str) -> str:
    if ".by_" in f".{name}":
        return "scalars"
    return "table" if name == "table.weight" else "others"


def _chances(count: NDArray[np.int64], candidates: int) -> NDArray[np.float64]:
    """Chance of each item to be drawn, half of them uniformly and half by popularity; 1 where all are taken."""
    if len(count) <= candidates:
        return np.ones(len(count))
    popular = count**0.75
    chance: NDArray[np.float64] = np.minimum(1.0, candidates * (0.5 / len(count) + 0.5 * popular / popular.sum()))
    return chance
