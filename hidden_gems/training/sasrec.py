"""Fit SASRec on a log and score with it."""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from hidden_gems.features.context import CONTEXT_NAMES
from hidden_gems.models.sasrec import SASRec, SASRecConfig
from hidden_gems.models.size import DataSize, Preset
from hidden_gems.training.budget import Budget
from hidden_gems.training.deep import tensor
from hidden_gems.training.loop import LoopConfig
from hidden_gems.training.sequences import SequenceRecommender
from hidden_gems.training.trial import Trial

_LARGE = 400_000  # interactions from which on windows are shorter and steps larger


@dataclass(frozen=True)
class SASRecSettings:
    """How SASRec is built and fitted."""

    width: int = 128
    layers: int = 2
    heads: int = 4
    inner: int = 512
    dropout: float = 0.1
    length: int = 50
    remembered: int = 200
    predictions: int = 2048
    candidates: int = 10_000
    scalar_rate: float = 10.0
    table_rate: float = 1.0
    centres: int = 64
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(epochs=20, batch=1, decay=0.0))
    session_days: None = None

    @classmethod
    def of(cls, preset: Preset, size: DataSize) -> Self:
        """The plan's sizes, or sizes that fit the data."""
        if preset == "plan":
            return cls()
        width, inner, large = 64, 128, size.interactions > _LARGE
        length = min(max(size.history, 20), 100 if large else 200)
        remembered = min(max(size.history, 20), 100 if large else 200)
        body = 2 * 2 * (4 * width**2 + 2 * width * inner + 2 * length * width)  # two layers
        budget = Budget.of(size.interactions, body, width, remembered)
        return cls(
            width=width,
            heads=2,
            inner=inner,
            dropout=0.2,
            length=length,
            remembered=remembered,
            predictions=2048 if large else 1024,
            candidates=budget.candidates,
            loop=LoopConfig(epochs=budget.epochs, batch=1, decay=0.0, patience=5),
        )

    def suggest(self, trial: Trial, size: DataSize) -> Self:
        """Other settings, for a search."""
        return replace(
            self,
            width=trial.suggest_categorical("width", (32, 64, 128)),
            layers=trial.suggest_int("layers", 1, 3),
            heads=trial.suggest_categorical("heads", (1, 2, 4)),
            dropout=trial.suggest_float("dropout", 0.0, 0.5),
            table_rate=trial.suggest_float("table_rate", 0.03, 3.0, log=True),
            loop=replace(self.loop, rate=trial.suggest_float("rate", 3e-4, 1e-2, log=True)),
        )


@dataclass
class SASRecRecommender(SequenceRecommender[SASRec, SASRecSettings]):
    """SASRec as a `Recommender`."""

    name: ClassVar[str] = "sasrec"
    settings_type: ClassVar[type[SASRecSettings]] = SASRecSettings

    settings: SASRecSettings = field(default_factory=SASRecSettings)

    def make(self, items: int) -> SASRec:
        """SASRec of the right sizes."""
        settings = self.settings
        config = SASRecConfig(
            items=items,
            context=len(CONTEXT_NAMES),
            width=settings.width,
            layers=settings.layers,
            dropout=settings.dropout,
            order_only=self.facts.order_only,
            heads=settings.heads,
            inner=settings.inner,
            positions=settings.length,
        )
        return SASRec(config, self.known_of_items(), tensor(self.facts.place))
