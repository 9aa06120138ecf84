"""Fit NCF on a log and score with it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.context import CONTEXT_NAMES
from hidden_gems.models.held_out import HeldOut
from hidden_gems.models.histories import Histories
from hidden_gems.models.ncf import NCF, NCFConfig
from hidden_gems.models.pairs import Pairs, last_moments
from hidden_gems.models.size import DataSize, Preset
from hidden_gems.models.top_k import top_k
from hidden_gems.training.deep import DeepRecommender, saved_histories, tensor, untrained
from hidden_gems.training.examples import RETURNS_START, come_back, log_chance, meetings, own_negatives, requests
from hidden_gems.training.loop import LoopConfig, Task, WeightedLoss
from hidden_gems.training.negatives import NO_NEGATIVE, Negatives, NegativesConfig
from hidden_gems.training.settings import settings_from
from hidden_gems.training.spectral import spectral_embeddings
from hidden_gems.training.trial import Trial

_PAIR_CHUNK, _USER_CHUNK = 32_768, 512
_CELL_CHUNK = 8_192  # pairs of a catalogue that are scored at once: what a core's cache holds
_ROWS_A_DIRECTION = 8  # people or items behind each spectral direction; with fewer it would only memorise
_SHIFTS = (0.0, 1.0, 2.0, 4.0, 8.0)  # of the logits of known items
_UNUSED_SPREAD = 0.01  # of the embedding columns that no spectral direction fills


_BIG_TABLE = 30_000_000  # people X items from which on a smaller model scores them all in minutes
_BIG_LOG = 250_000  # interactions from which on a smaller model learns within minutes


@dataclass(frozen=True)
class NCFSettings:
    """How NCF is built and fitted."""

    width: int = 128
    hidden: tuple[int, ...] = (128, 64, 32)
    dropout: float = 0.2
    loop: LoopConfig = field(default_factory=LoopConfig)
    negatives: NegativesConfig = field(default_factory=NegativesConfig)
    user_dropout: float = 0.05  # share of examples in which the person becomes the unknown one
    item_dropout: float = 0.03  # share of items that become the unknown one, attributes kept
    table_rate: float = 0.02  # learning rate of the embeddings in shares of the loop's
    spectral_gain: float = 4.0  # what a product of spectral embeddings of length 1 adds to a logit
    hard_every: int = 3  # epochs between two searches for hard negatives
    ahead_share: float = 0.5  # share of examples that were asked for before their moment
    length: int = 100  # past interactions in which own visits are counted
    return_share: float = 0.25  # meetings a step, in shares of its examples, from which own visits learn
    return_negatives: int = 4  # places of the own history, and as many new ones, beside each of them
    return_rate: float = 5.0  # learning rate of the own visits in shares of the loop's

    @classmethod
    def of(cls, preset: Preset, size: DataSize) -> Self:
        """The plan's sizes, or sizes that fit the data."""
        if preset == "plan":
            return cls()
        big = size.people * size.catalogue > _BIG_TABLE or size.interactions > _BIG_LOG
        loop = LoopConfig(batch=4096 if size.interactions > _BIG_LOG else 1024)
        return cls(width=64, hidden=(64, 32), loop=loop) if big else cls()

    def suggest(self, trial: Trial, size: DataSize) -> Self:
        """Other settings, for a search."""
        loop = replace(
            self.loop,
            rate=trial.suggest_float("rate", 3e-4, 1e-2, log=True),
            decay=trial.suggest_float("decay", 1e-7, 1e-3, log=True),
        )
        negatives = replace(
            self.negatives,
            per_positive=trial.suggest_int("per_positive", 2, 12, log=True),
            popular_share=trial.suggest_float("popular_share", 0.0, 0.6),
        )
        return replace(
            self,
            width=trial.suggest_categorical("width", (32, 64, 128)),
            dropout=trial.suggest_float("dropout", 0.0, 0.5),
            table_rate=trial.suggest_float("table_rate", 2e-3, 1.0, log=True),
            spectral_gain=trial.suggest_float("spectral_gain", 0.5, 16.0, log=True),
            loop=loop,
            negatives=negatives,
        )


@dataclass
class NCFRecommender(DeepRecommender[NCF, NCFSettings]):
    """NCF as a `Recommender`.

    A row that the log never showed scores as the unknown row 0 (an item with its own attributes), which learns from
    examples whose id was hidden.
    """

    name: ClassVar[str] = "ncf"

    settings: NCFSettings = field(default_factory=NCFSettings)
    histories: Histories = field(init=False, repr=False, compare=False)
    """What each person did."""
    shift: float = field(default=0.0, init=False, repr=False, compare=False)
    """What a logit of a known item is raised by beside those of new ones."""

    def build(self, log: Interactions) -> NCF:
        """NCF that starts from what counting gives."""
        module = NCF(_sizes(self.settings, log.users, self.facts.attributes))
        self.histories = Histories.of(log)
        _start(module, Pairs.of(log), self.settings)
        return module

    def forget_choice(self) -> None:
        """Go back to the loop's number of epochs, and no shift."""
        super().forget_choice()
        self.shift = 0.0

    def choose(self, early: Interactions, held_out: HeldOut) -> Self:
        """Choose the number of epochs, then how far known items are raised, where people come back to them."""
        self.shift = 0.0
        super().choose(early, held_out)
        if not held_out.repeats:
            return self
        judges = self.judges(held_out)
        self.shift = max(_SHIFTS, key=lambda shift: self._repeats(judges, shift))
        self.module.returns.shift.fill_(self.shift)
        return self

    def _repeats(self, judges: HeldOut, shift: float) -> float:
        """NDCG@10 of all items with known ones raised by this much."""
        self.module.returns.shift.fill_(shift)
        scores = self.score_catalogue(judges.user, judges.moments)
        return float(np.nanmean(judges.ndcg(scores, repeat=True)))

    def task(self, module: NCF, log: Interactions, held_out: HeldOut | None) -> Task:
        """Every pair of the log once, each with its negatives."""
        return _NCFTask(module, log, self, held_out)

    def finish(self, log: Interactions) -> None:
        """Give rows that the log never showed what the unknown row 0 has learned, and raise what people know."""
        pairs, module = Pairs.of(log), self.module
        module.returns.shift.fill_(self.shift)
        with torch.no_grad():
            for tables, seen in (((module.user,), pairs.user), ((module.item, module.bias), pairs.item)):
                for table in tables:
                    table.weight[untrained(table.num_embeddings, seen)] = table.weight[0].clone()

    def score(self, user: Rows, item: Rows, when: Moments) -> NDArray[np.float32]:
        """Logit of each pair, float32, size B."""
        scores = np.empty(len(user), dtype=np.float32)
        for start in range(0, len(user), _PAIR_CHUNK):
            part = slice(start, start + _PAIR_CHUNK)
            context, attributes = tensor(self.context(when[part])), self.facts.attributes[item[part]]
            past = self.past(user[part], when[part])
            with torch.inference_mode():
                logits = self.module(tensor(user[part]), tensor(item[part]), context, tensor(attributes))
                logits = self.module.returns(logits[:, None], tensor(item[part, None]), *past)[:, 0]
            scores[part] = logits.numpy()
        return scores

    def score_catalogue(self, user: Rows, when: Moments) -> NDArray[np.float32]:
        """Logit of every item for each person, float32, size U X I; column 0 is -inf."""
        scores = catalogue_scores(self.module, tensor(self.facts.attributes), user, self.context(when))
        for start in range(0, len(user), _USER_CHUNK):
            part = slice(start, start + _USER_CHUNK)
            past = self.past(user[part], when[part])
            with torch.inference_mode():
                scores[part] = self.module.returns.catalogue(tensor(scores[part]), *past).numpy()
        return scores

    def past(self, user: Rows, when: Moments) -> tuple[Tensor, Tensor]:
        """History and ages of each request, size B X L."""
        history, ages = self.histories.last(user, when, self.settings.length)
        return tensor(history), tensor(ages)

    def remember(self, log: Interactions) -> Self:
        """Read histories from another log from now on, for example a longer one, without learning from it."""
        self.histories = Histories.of(log)
        return self

    def arrays(self) -> dict[str, Tensor]:
        """The histories."""
        return {name: tensor(array) for name, array in self.histories.arrays.items()}

    def restore(self, settings: dict[str, Any], arrays: dict[str, Tensor], parameters: dict[str, Tensor]) -> None:
        """Take back what was saved."""
        self.settings = settings_from(NCFSettings, settings)
        self.module = NCF(_sizes(self.settings, parameters["user.weight"].shape[0], self.facts.attributes))
        self.histories = saved_histories(arrays, self.facts)
        self.shift = float(parameters["returns.shift"])


def catalogue_scores(module: NCF, attributes: Tensor, user: Rows, context: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logit of every item for each person, float32, size U X I; column 0 is -inf.

    The item side of the first layer is computed once for all people, and the product path is one matrix product.

    Args:
        module: NCF in evaluation mode.
        attributes: What is known about each item, size I X A.
        user: Row of each person, size U.
        context: What is known about each request, float32, size U X C.
    """
    items = len(attributes)
    scores = np.empty((len(user), items), dtype=np.float32)
    step = max(1, _CELL_CHUNK // items)
    with torch.inference_mode():
        v, from_item, bias = module.item_side(torch.arange(items), attributes)
        u, from_user = module.user_side(tensor(user), tensor(context))
        product = (u * module.fuse_product.weight) @ v.T + bias  # U X I
        for start in range(0, len(user), step):
            mixed = module.perceptron(from_user[start : start + step, None] + from_item)
            logits = product[start : start + step] + module.fuse_mixed(mixed).squeeze(-1)
            scores[start : start + step] = logits.numpy()
    scores[:, 0] = -np.inf
    return scores


class _NCFTask:
    """Every pair of a log once, each with its negatives, by binary cross-entropy; a pair weighs its best reward."""

    def __init__(self, module: NCF, log: Interactions, model: NCFRecommender, held_out: HeldOut | None) -> None:
        self.module, self.model, self.held_out = module, model, held_out
        self.pairs = Pairs.of(log)
        self.examples = len(self.pairs.user)
        self.order_only, self.when = log.order_only, last_moments(log, self.pairs)
        self.negatives = Negatives(self.pairs, model.settings.negatives)
        self.met = meetings(log)
        self.come_back = come_back(self.met)
        module.returns.requires_grad_(self.come_back)
        if self.come_back:
            nn.init.constant_(module.returns.weight, RETURNS_START)
            nn.init.zeros_(module.returns.kept)
        self.end = log.moments[-1:]

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        settings = self.model.settings
        shares = dict.fromkeys(("user.weight", "item.weight"), settings.table_rate)
        shares |= dict.fromkeys(("returns.weight", "returns.kept"), settings.return_rate)
        groups: dict[float, list[nn.Parameter]] = {}
        for name, parameter in self.module.named_parameters():
            if parameter.requires_grad:
                groups.setdefault(shares.get(name, 1.0), []).append(parameter)
        return [{"params": parameters, "lr": rate * share} for share, parameters in groups.items()]

    def begin_epoch(self, epoch: int) -> None:
        settings = self.model.settings
        if settings.negatives.hard_share == 0 or epoch % settings.hard_every != 1:
            return
        self.module.eval()
        seen = self.pairs.table(self.pairs.reward)
        found = []
        for start in range(0, seen.shape[0], _USER_CHUNK):
            user = np.arange(start, min(start + _USER_CHUNK, seen.shape[0]))
            scores = self.model.score_catalogue(user, self.end[np.zeros(len(user), dtype=np.int64)])
            found.append(top_k(scores, settings.negatives.hard_depth, exclude=seen[user])[0])
        self.negatives.hard = np.concatenate(found)

    def loss(self, model: Callable[..., Tensor], rows: NDArray[np.int64], random: np.random.Generator) -> WeightedLoss:
        settings, device = self.model.settings, self.module.bias.weight.device
        user, met = self.pairs.user[rows], self.pairs.item[rows]
        item = np.column_stack([met, self.negatives.draw(user, random)])  # B X 1 + N
        shown_user = np.where(random.random(len(user)) < settings.user_dropout, 0, user)
        shown_item = np.where(random.random(item.shape) < settings.item_dropout, 0, item)
        context = self.model.context(self._asked(self.when[rows], random))
        inputs = (shown_user[:, None], shown_item, context[:, None], self.model.facts.attributes[item])
        logits = model(*(tensor(each).to(device) for each in inputs))
        loss = _first_of(logits, self.pairs.reward[rows], item)
        loss = loss + self._returns(model, len(rows), random) if self.come_back else loss
        return WeightedLoss(loss, float((self.pairs.reward[rows][:, None] * (item != NO_NEGATIVE)).sum()))

    def _asked(self, when: Moments, random: np.random.Generator) -> Moments:
        return when if self.order_only else requests(when, random, self.model.settings.ahead_share)

    def _returns(self, model: Callable[..., Tensor], examples: int, random: np.random.Generator) -> Tensor:
        """Loss of some meetings, from which only the weights of own visits learn.

        The rest of the model stays what new items need: it would otherwise give way to what own visits explain.
        """
        settings, device = self.model.settings, self.module.bias.weight.device
        at = random.integers(len(self.met.user), size=math.ceil(settings.return_share * examples))
        user, met, when = self.met.user[at], self.met.item[at], self._asked(self.met.moments[at], random)
        history, ages = self.model.histories.last(user, when, settings.length)
        own = own_negatives(history, met, settings.return_negatives, random)
        new = self.negatives.draw(user, random)
        item = np.column_stack([met, own, new])
        inputs = (user[:, None], item, self.model.context(when)[:, None], self.model.facts.attributes[item])
        with torch.no_grad():
            logits = model(*(tensor(each).to(device) for each in inputs))
        logits = self.module.returns(logits, *(tensor(each).to(device) for each in (item, history, ages)))
        chance = log_chance(item, history, settings.return_negatives, new.shape[1] / self.met.items)
        return _first_of(logits - tensor(chance).to(device), self.met.reward[at], item)

    def validate(self) -> float | None:
        if self.held_out is None:
            return None
        return self.held_out.value(self.model.score_catalogue(self.held_out.user, self.held_out.moments))

    def state(self) -> dict[str, Tensor]:
        return {} if self.negatives.hard is None else {"hard": tensor(self.negatives.hard)}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.negatives.hard = state["hard"].cpu().numpy() if "hard" in state else None


def _first_of(logits: Tensor, reward: NDArray[np.float32], item: Rows) -> Tensor:
    """Binary cross-entropy of candidates, size B X N, of which the first was met; each row weighs its reward."""
    weight = tensor(reward[:, None] * (item != NO_NEGATIVE)).to(logits.device)
    target = torch.zeros_like(logits)
    target[:, 0] = 1.0
    parts = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (parts * weight).sum() / weight.sum()


def _start(module: NCF, pairs: Pairs, settings: NCFSettings) -> None:
    """Start from what counting gives: popularity as the items' bias, spectral embeddings in the product path."""
    met = pairs.table(pairs.reward)
    earned = np.asarray(met.sum(axis=0)).ravel()
    width = min(module.user.embedding_dim, max(1, min(met.shape) // _ROWS_A_DIRECTION))
    with torch.no_grad():
        module.bias.weight[:, 0] = tensor(np.log((earned + 1.0) / (earned + 1.0).mean()).astype(np.float32))
        module.fuse_product.weight.fill_(settings.spectral_gain)
        module.fuse_mixed.bias.fill_(-math.log(settings.negatives.per_positive))
        module.fuse_mixed.weight.zero_()
        for table, start in zip((module.user, module.item), spectral_embeddings(met, width), strict=True):
            nn.init.normal_(table.weight, std=_UNUSED_SPREAD)
            table.weight[:, :width] = tensor(start)


def _sizes(settings: NCFSettings, users: int, attributes: NDArray[np.float32]) -> NCFConfig:
    return NCFConfig(
        users=users,
        items=len(attributes),
        user_context=len(CONTEXT_NAMES),
        item_context=attributes.shape[1],
        width=settings.width,
        hidden=settings.hidden,
        dropout=settings.dropout,
    )
