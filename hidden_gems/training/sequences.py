"""Fit a sequence model on a log and score with it: what SASRec and GRU4Rec share."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.place_vectors import place_vectors
from hidden_gems.models.held_out import HeldOut
from hidden_gems.models.histories import Histories
from hidden_gems.models.pairs import Pairs
from hidden_gems.models.sequences import SequenceModel
from hidden_gems.training.deep import DeepRecommender, saved_histories, tensor, untrained
from hidden_gems.training.loop import LoopConfig, Task
from hidden_gems.training.sequence_task import SequenceTask
from hidden_gems.training.settings import settings_from
from hidden_gems.training.spectral import spectral_embeddings

_CELL_CHUNK = 4_000_000  # scores of a catalogue that are made at once
_WAITS = (0.99, 0.9, 0.5)  # quantiles of the time between two events of a person
_TRUSTS = (0.75, 0.5, 0.3, 0.15)
_HABITS = (0.25, 0.5, 0.75, 1.0)
_HALF_LIVES = (8.0, 16.0, 32.0, 64.0, 128.0)
_SHIFTS = (-1.0, 0.0, 1.0, 2.0, 4.0)
_ROWS_A_DIRECTION = 8  # people or items behind each spectral direction; with fewer it would only memorise


class SequenceSettings(Protocol):
    """How a sequence model is fitted; a frozen dataclass with the sizes of the model beside."""

    @property
    def loop(self) -> LoopConfig:
        """How long and how fast to learn; a batch is a number of windows' batches and stays 1."""
        ...

    @property
    def predictions(self) -> int:
        """Events that are predicted in a step, roughly."""
        ...

    @property
    def candidates(self) -> int:
        """Candidates that a step draws; all items where there are not more."""
        ...

    @property
    def length(self) -> int:
        """Events that the encoder reads."""
        ...

    @property
    def remembered(self) -> int:
        """Events that count as repeats."""
        ...

    @property
    def session_days(self) -> float | None:
        """Days that the encoder reads at most."""
        ...

    @property
    def centres(self) -> int:
        """Centres of places that stand for where an item is."""
        ...

    @property
    def table_rate(self) -> float:
        """Learning rate of the items' vectors in shares of the loop's."""
        ...

    @property
    def scalar_rate(self) -> float:
        """Learning rate of the tables of single numbers in shares of the loop's."""
        ...


Requests = list[tuple[Tensor, Tensor, Tensor]]
"""Vectors of people, their histories and ages, a part at a time."""
S = TypeVar("S", bound=SequenceSettings)
M = TypeVar("M", bound=SequenceModel)


@dataclass(frozen=True)
class Choice:
    """What was chosen beside the number of epochs; the defaults where nothing could be."""

    trust: float = 1.0  # how far new items are ordered by the model rather than by popularity, 0 to 1
    habit: float = 0.0  # see `Repeats`
    half_life: float = 64.0  # see `Repeats`
    shift: float = 0.0  # see `Repeats`
    longest_wait: float = math.inf  # seconds; see `SequenceModel.awaited`

    def into(self, module: SequenceModel) -> None:
        """Write it into a module."""
        module.get_buffer("trust").fill_(self.trust)
        module.longest_wait = self.longest_wait
        repeats = module.repeats
        repeats.habit, repeats.half_life, repeats.shift = self.habit, self.half_life, self.shift


@dataclass
class SequenceRecommender(DeepRecommender[M, S]):
    """A sequence model as a `Recommender`.

    It scores by what a person did strictly before the request; a person without history by what is popular and by the
    context. Items that the log never showed score as the unknown row 0, with their own attributes.
    """

    settings_type: ClassVar[type[Any]]
    """Class of the settings."""

    histories: Histories = field(init=False, repr=False, compare=False)
    """What is known of everyone; see `remember`."""
    choice: Choice = field(default_factory=Choice, init=False, repr=False, compare=False)

    @abstractmethod
    def make(self, items: int) -> M:
        """A module of the right sizes."""

    def known_of_items(self) -> Tensor:
        """Attributes of each item and where it is, size I X A."""
        places = place_vectors(self.facts.place, self.settings.centres)
        return tensor(np.concatenate([self.facts.attributes, places], axis=1))

    def build(self, log: Interactions) -> M:
        """A module that starts from what counting gives."""
        module = self.make(log.items)
        _start(module, Pairs.of(log))
        self.choice.into(module)
        return module

    def forget_choice(self) -> None:
        """Go back to the loop's number of epochs and to the defaults."""
        super().forget_choice()
        self.choice = Choice()

    def choose(self, early: Interactions, held_out: HeldOut) -> Self:
        """Choose the number of epochs, then how far to trust what was learned against popularity and habit."""
        self.choice = Choice()
        super().choose(early, held_out)
        judges = self.judges(held_out)

        def requests() -> Requests:
            return list(self._asked(self.module, judges.user, judges.moments, self.histories))

        def value(asked: Requests | None, repeat: bool) -> float:
            scores = self._table(self.module, requests() if asked is None else asked)
            scores[:, 0] = -np.inf
            return float(np.nanmean(judges.ndcg(scores, repeat=repeat)))

        self._climb({"longest_wait": self._waits()}, lambda: value(None, repeat=False))
        asked = requests()
        self._climb({"trust": _TRUSTS}, lambda: value(asked, repeat=False))
        if held_out.repeats:
            grid = {"habit": _HABITS, "half_life": _HALF_LIVES, "shift": _SHIFTS}
            self._climb(grid, lambda: value(asked, repeat=True))
        return self

    def _climb(self, grid: Mapping[str, Sequence[float]], value: Callable[[], float]) -> None:
        """Choose one setting after the other, keeping what went before; the module is left with what was chosen."""
        best = value()
        for name, option in [(name, option) for name, options in grid.items() for option in options]:
            tried = replace(self.choice, **{name: option})
            tried.into(self.module)
            if (found := value()) > best:
                best, self.choice = found, tried
        self.choice.into(self.module)

    def _waits(self) -> list[float]:
        """Times between two events of a person that an encoder may read at most, seconds; none for an order."""
        past = self.histories
        between = np.diff(past.timestamp)[np.setdiff1d(np.arange(1, len(past.item)), past.starts) - 1]
        return [] if past.order_only or not len(between) else np.quantile(between, _WAITS).tolist()

    def task(self, module: M, log: Interactions, held_out: HeldOut | None) -> Task:
        """Every event of the log once, predicted from what came before it."""
        return SequenceTask(module, log, self, held_out)

    def finish(self, log: Interactions) -> None:
        """Keep everyone's history, and fold what attributes say into the items."""
        self.module.fold()
        self.remember(log)

    def remember(self, log: Interactions) -> Self:
        """Read histories from another log from now on, for example a longer one, without learning from it."""
        self.histories = Histories.of(log)
        return self

    def score(self, user: Rows, item: Rows, when: Moments) -> NDArray[np.float32]:
        """Logit of each pair, float32, size B; each person is encoded once a moment."""
        scores = np.empty(len(user), dtype=np.float32)
        if not len(user):
            return scores
        temperature = np.nan_to_num(when.temperature_c, nan=-300.0)
        keys = np.column_stack([user, when.timestamp, when.weather, when.mood, temperature])
        _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        order = np.argsort(group, kind="stable")
        bounds = np.searchsorted(group[order], np.arange(len(first) + 1))
        step = self._step
        for start in range(0, len(first), step):
            asked = first[start : start + step]
            rows = order[bounds[start] : bounds[min(start + step, len(first))]]
            table = self._table(self.module, self._asked(self.module, user[asked], when[asked], self.histories))
            scores[rows] = table[group[rows] - start, item[rows]]
        return scores

    def score_catalogue(self, user: Rows, when: Moments) -> NDArray[np.float32]:
        """Logit of every item for each person, float32, size U X I; column 0 is -inf."""
        return self.catalogue(self.module, user, when, self.histories)

    def catalogue(self, module: M, user: Rows, when: Moments, histories: Histories) -> NDArray[np.float32]:
        """Logit of every item for each person by some histories; see `score_catalogue`."""
        scores = self._table(module, self._asked(module, user, when, histories))
        scores[:, 0] = -np.inf
        return scores

    def _table(self, module: M, asked: Iterable[tuple[Tensor, Tensor, Tensor]]) -> NDArray[np.float32]:
        """Logit of every item, row 0 too, for some requests: vectors, histories and their ages, a part at a time."""
        with torch.inference_mode():
            parts = [module.scores(*part).numpy() for part in asked]
        return np.concatenate(parts) if parts else np.empty((0, len(self.facts)), dtype=np.float32)

    def arrays(self) -> dict[str, Tensor]:
        """Everyone's history, and what was chosen."""
        choice = torch.tensor(list(asdict(self.choice).values()), dtype=torch.float64)
        return {name: tensor(array) for name, array in self.histories.arrays.items()} | {"choice": choice}

    def restore(self, settings: dict[str, Any], arrays: dict[str, Tensor], parameters: dict[str, Tensor]) -> None:
        """Take back what was saved."""
        self.settings = settings_from(self.settings_type, settings)
        self.module = self.make(parameters["table.weight"].shape[0])
        self.module.fold()
        self.choice = Choice(*arrays["choice"].tolist())
        self.choice.into(self.module)
        self.histories = saved_histories(arrays, self.facts)

    @property
    def _step(self) -> int:
        """People who are scored at once."""
        return max(1, min(512, _CELL_CHUNK // len(self.facts)))

    def _asked(
        self, module: M, user: Rows, when: Moments, histories: Histories
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Vector, history and ages of each request, `_step` of them at a time."""
        for start in range(0, len(user), self._step):
            people, moments = user[start : start + self._step], when[slice(start, start + self._step)]
            longest = int(np.diff(histories.starts)[people].max(initial=1))
            length = max(1, min(longest, max(self.settings.remembered, self.settings.length)))
            history, ages = (tensor(array) for array in histories.last(people, moments, length))
            with torch.inference_mode():
                person = module.person(history, ages, tensor(self.context(moments)))
            yield person, history, ages


def _start(module: SequenceModel, pairs: Pairs) -> None:
    """Start from what counting gives: popularity as the items' bias, spectral directions as their vectors."""
    met = pairs.table(pairs.reward)
    earned = np.asarray(met.sum(axis=0)).ravel()
    width = min(module.table.embedding_dim, max(1, min(met.shape) // _ROWS_A_DIRECTION))
    with torch.no_grad():
        prior = tensor(np.log((earned + 1.0) / (earned + 1.0).mean()).astype(np.float32))
        module.bias.weight[:, 0] = prior
        module.get_buffer("prior").copy_(prior)
        module.table.weight[:, :width] = tensor(spectral_embeddings(met, width)[1])
        module.table.weight[untrained(module.table.num_embeddings, pairs.item)] = 0.0
