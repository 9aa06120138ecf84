"""Fit Wide & Deep on a log and score with it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
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
from hidden_gems.models.pairs import Pairs
from hidden_gems.models.size import DataSize, Preset
from hidden_gems.models.tables import ItemTables, UserTables, tables_of
from hidden_gems.models.top_k import top_k
from hidden_gems.models.wide_deep import NEAREST, WideDeep, WideDeepConfig
from hidden_gems.training.deep import DeepRecommender, saved_histories, tensor
from hidden_gems.training.examples import come_back, log_chance, meetings, own_negatives, requests
from hidden_gems.training.loop import LoopConfig, Task
from hidden_gems.training.negatives import NO_NEGATIVE, Negatives, NegativesConfig
from hidden_gems.training.settings import settings_from
from hidden_gems.training.spectral import spectral_embeddings
from hidden_gems.training.trial import Trial

_PAIR_CHUNK, _USER_CHUNK = 2_048, 512
_CELL_CHUNK = 16_384  # pairs of a catalogue that are scored at once
_ROWS_A_FACTOR = 8  # people or items behind each spectral direction; with fewer it would only memorise
_SHRINKAGE = 5.0  # interactions with which a person or an item counts half
_BIG_LOG = 250_000  # interactions from which on steps are larger: the tables cost the same for each
_COLD = 10  # interactions below which a person is new
_SHORTEST = 20  # past interactions that are read even where most people have fewer


@dataclass(frozen=True)
class WideDeepSettings:
    """How Wide & Deep is built and fitted."""

    factors: int = 64
    width: int = 16
    moment_width: int = 8
    hidden: tuple[int, ...] = (256, 128, 64, 32)
    dropout: float = 0.0
    loop: LoopConfig = field(default_factory=LoopConfig)
    negatives: NegativesConfig = field(default_factory=NegativesConfig)
    own_negatives: int = 2  # places of the person's own history that were not gone to, where people come back
    length: int = 100  # past interactions that are read
    ahead_share: float = 0.5  # share of examples that were asked for before their moment
    cold_share: float = 0.2  # share of examples that show someone new: no row, and less than 10 of the past
    user_dropout: float = 0.2  # share of examples in which the person becomes the unknown one
    item_dropout: float = 0.03  # share of items whose own tables are hidden, facts kept
    table_rate: float = 0.02  # learning rate of the factors in shares of the loop's
    wide_rate: float = 3.0  # learning rate of the linear part in shares of the loop's
    l1: float = 1e-4  # penalty of the crosses
    spectral_gain: float = 4.0  # what a product of factors of length 1 adds to a logit at first
    hard_every: int = 3  # epochs between two searches for hard negatives
    most_examples: int = 250_000  # examples of an epoch; drawn where there are more

    @classmethod
    def of(cls, preset: Preset, size: DataSize) -> Self:
        """The plan's sizes, or sizes that fit the data."""
        if preset == "plan":
            return cls()
        loop = LoopConfig(batch=2048 if size.interactions > _BIG_LOG else 1024)
        length = min(max(size.history, _SHORTEST), 100)
        return cls(hidden=(64, 32), dropout=0.2, user_dropout=0.5, length=length, loop=loop)

    def suggest(self, trial: Trial, size: DataSize) -> Self:
        """Other settings, for a search."""
        return replace(
            self,
            factors=trial.suggest_categorical("factors", (32, 64, 128)),
            dropout=trial.suggest_float("dropout", 0.0, 0.5),
            user_dropout=trial.suggest_float("user_dropout", 0.0, 0.6),
            table_rate=trial.suggest_float("table_rate", 2e-3, 1.0, log=True),
            wide_rate=trial.suggest_float("wide_rate", 0.3, 10.0, log=True),
            spectral_gain=trial.suggest_float("spectral_gain", 0.5, 16.0, log=True),
            loop=replace(self.loop, rate=trial.suggest_float("rate", 3e-4, 1e-2, log=True)),
        )


@dataclass
class WideDeepRecommender(DeepRecommender[WideDeep, WideDeepSettings]):
    """Wide & Deep as a `Recommender`.

    A person the log never showed is the unknown row 0 with an empty history; an item that it never showed has its facts
    but the tables of the unknown row 0. Both learn from examples whose id was hidden.
    """

    name: ClassVar[str] = "wide_deep"

    settings: WideDeepSettings = field(default_factory=WideDeepSettings)
    histories: Histories = field(init=False, repr=False, compare=False)

    def build(self, log: Interactions) -> WideDeep:
        """Wide & Deep that starts from what counting gives."""
        pairs = Pairs.of(log)
        items, users = tables_of(self.facts, pairs)
        module = WideDeep(_sizes(self.settings, items, users), items, users)
        _start(module, pairs, self.settings)
        self.histories = Histories.of(log)
        return module

    def task(self, module: WideDeep, log: Interactions, held_out: HeldOut | None) -> Task:
        """Every interaction of the log, each with its negatives."""
        return _WideDeepTask(module, log, self, held_out)

    def score(self, user: Rows, item: Rows, when: Moments) -> NDArray[np.float32]:
        """Logit of each pair, float32, size B."""
        scores = np.empty(len(user), dtype=np.float32)
        for start in range(0, len(user), _PAIR_CHUNK):
            part = slice(start, start + _PAIR_CHUNK)
            with torch.inference_mode():
                asked = self.request(user[part], when[part])
                scores[part] = self.module(asked[0], tensor(item[part, None]), *asked[1:])[:, 0].numpy()
        return scores

    def score_catalogue(self, user: Rows, when: Moments) -> NDArray[np.float32]:
        """Logit of every item for each person, float32, size U X I; column 0 is -inf."""
        scores = np.empty((len(user), self.module.config.items), dtype=np.float32)
        step = max(1, _CELL_CHUNK // self.module.config.items)
        for start in range(0, len(user), _USER_CHUNK):
            part = slice(start, start + _USER_CHUNK)
            with torch.inference_mode():
                scores[part] = self.module.catalogue(*self.request(user[part], when[part]), step=step).numpy()
        scores[:, 0] = -np.inf
        return scores

    def request(self, user: Rows, when: Moments) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What the module reads of each request: person B, context B X C, history and ages B X L."""
        history, ages = self.histories.last(user, when, self.settings.length)
        return tensor(user), tensor(self.context(when)), tensor(history), tensor(ages)

    def remember(self, log: Interactions) -> Self:
        """Read histories from another log from now on, for example a longer one, without learning from it."""
        self.histories = Histories.of(log)
        return self

    def arrays(self) -> dict[str, Tensor]:
        """The histories."""
        return {name: tensor(array) for name, array in self.histories.arrays.items()}

    def restore(self, settings: dict[str, Any], arrays: dict[str, Tensor], parameters: dict[str, Tensor]) -> None:
        """Take back what was saved."""
        self.settings = settings_from(WideDeepSettings, settings)
        items = ItemTables(**{each.name: parameters[f"item_{each.name}"] for each in fields(ItemTables)})
        users = UserTables(**{each.name: parameters[f"user_{each.name}"] for each in fields(UserTables)})
        self.module = WideDeep(_sizes(self.settings, items, users), items, users)
        self.histories = saved_histories(arrays, self.facts)


class _WideDeepTask:
    """Interactions of a log, each with its negatives, by binary cross-entropy; an interaction weighs its reward.

    Negatives are of two kinds: items the person never met, and items of their own history that they did not go to this
    time. Both are drawn with a known chance, whose logarithm is taken off while learning (Bengio and Senecal 2008), so
    that the logits of known and new items can be compared.
    """

    def __init__(
        self, module: WideDeep, log: Interactions, model: WideDeepRecommender, held_out: HeldOut | None
    ) -> None:
        self.module, self.model, self.held_out = module, model, held_out
        self.log = meetings(log)
        self.pairs = Pairs.of(log)
        self.examples = min(len(self.log.user), model.settings.most_examples)
        self.chosen = np.arange(self.examples)
        self.negatives = Negatives(self.pairs, model.settings.negatives)
        self.own = model.settings.own_negatives if come_back(self.log) else 0
        self.end = log.moments[-1:]

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        settings = self.model.settings
        shares = {"source": settings.table_rate, "target": settings.table_rate}
        shares |= dict.fromkeys(("wide", "popular", "user_type", "area_time"), settings.wide_rate)
        groups: dict[float, list[nn.Parameter]] = {}
        for name, parameter in self.module.named_parameters():
            groups.setdefault(shares.get(name.split(".")[0], 1.0), []).append(parameter)
        return [{"params": parameters, "lr": rate * share} for share, parameters in groups.items()]

    def begin_epoch(self, epoch: int) -> None:
        settings = self.model.settings
        if self.examples < len(self.log.user):
            random = np.random.default_rng([settings.loop.seed, 2, epoch])
            self.chosen = np.sort(random.choice(len(self.log.user), self.examples, replace=False))
        if settings.negatives.hard_share == 0 or epoch % settings.hard_every != 1:
            return
        self.module.eval()
        seen, found = self.pairs.table(self.pairs.reward), []
        for start in range(0, seen.shape[0], _USER_CHUNK):
            user = np.arange(start, min(start + _USER_CHUNK, seen.shape[0]))
            scores = self.model.score_catalogue(user, self.end[np.zeros(len(user), dtype=np.int64)])
            found.append(top_k(scores, settings.negatives.hard_depth, exclude=seen[user])[0])
        self.negatives.hard = np.concatenate(found)

    def loss(self, model: Callable[..., Tensor], rows: NDArray[np.int64], random: np.random.Generator) -> Tensor:
        settings, device = self.model.settings, self.module.user.weight.device
        at = self.chosen[rows]
        user, met, when = self.log.user[at], self.log.item[at], self.log.moments[at]
        if not self.log.order_only:
            when = requests(when, random, settings.ahead_share)
        history, ages = self.model.histories.last(user, when, settings.length)
        cold = random.random(len(user)) < settings.cold_share
        hidden = np.arange(settings.length) < settings.length - random.integers(_COLD, size=(len(user), 1))
        history = np.where(cold[:, None] & hidden, 0, history)
        item = np.column_stack([met, self.negatives.draw(user, random), own_negatives(history, met, self.own, random)])
        shown_user = np.where(cold | (random.random(len(user)) < settings.user_dropout), 0, user)
        shown_item = np.where(random.random(item.shape) < settings.item_dropout, 0, item)
        weight = self.log.reward[at][:, None] * (item != NO_NEGATIVE)
        target = np.zeros(item.shape, dtype=np.float32)
        target[:, 0] = 1.0
        inputs = [tensor(each).to(device) for each in (user, item, self.model.context(when), history, ages)]
        shown = (tensor(shown_user).to(device), tensor(shown_item).to(device))
        logits = model(*inputs, shown)
        uniform = settings.negatives.per_positive / self.log.items
        logits = logits - tensor(log_chance(item, history, self.own, uniform)).to(device)
        parts = functional.binary_cross_entropy_with_logits(logits, tensor(target).to(device), reduction="none")
        weighted = (parts * tensor(weight).to(device)).sum() / float(weight.sum())
        return weighted + settings.l1 * self.module.penalty(shown[0], *inputs[1:3])

    def validate(self) -> float | None:
        if self.held_out is None:
            return None
        return self.held_out.value(self.model.score_catalogue(self.held_out.user, self.held_out.moments))

    def state(self) -> dict[str, Tensor]:
        state = {"chosen": tensor(self.chosen)}
        return state if self.negatives.hard is None else state | {"hard": tensor(self.negatives.hard)}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.chosen = state["chosen"].cpu().numpy()
        self.negatives.hard = state["hard"].cpu().numpy() if "hard" in state else None


def _start(module: WideDeep, pairs: Pairs, settings: WideDeepSettings) -> None:
    """Start from what counting gives: popularity, and factors whose products smooth the table of who met what."""
    met = pairs.table(pairs.reward)
    width = min(settings.factors, max(1, min(met.shape) // _ROWS_A_FACTOR))
    _, target = spectral_embeddings(met, width)
    earned = np.asarray(met.sum(axis=0)).ravel()[:, None]
    source = np.where(earned > 0, target / np.sqrt(earned + _SHRINKAGE), 0.0)
    people = np.asarray(met.sum(axis=1)).ravel()[:, None]
    pooled = met @ source / np.sqrt(people + _SHRINKAGE)
    source /= math.sqrt(max((pooled**2).sum(axis=1).mean(), 1e-12))
    with torch.no_grad():
        for table, start in ((module.source, source), (module.target, np.where(earned > 0, target, 0.0))):
            nn.init.zeros_(table.weight)
            table.weight[:, :width] = tensor(start.astype(np.float32))
        module.from_deep.bias.fill_(-math.log(settings.negatives.per_positive))
        module.wide.weight[0, NEAREST] = settings.spectral_gain


def _sizes(settings: WideDeepSettings, items: ItemTables, users: UserTables) -> WideDeepConfig:
    types, areas, cells = (int(most) + 1 for most in items.likes.max(dim=0).values)
    return WideDeepConfig(
        users=len(users.row),
        items=len(items.row),
        likes=(types, areas, cells),
        context=len(CONTEXT_NAMES),
        attributes=items.attributes.shape[1],
        person=users.attributes.shape[1],
        factors=settings.factors,
        width=settings.width,
        moment_width=settings.moment_width,
        hidden=settings.hidden,
        dropout=settings.dropout,
    )
