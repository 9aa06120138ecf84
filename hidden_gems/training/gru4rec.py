"""Fit GRU4Rec on a log and score with it."""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from hidden_gems.features.context import CONTEXT_NAMES
from hidden_gems.models.gru4rec import GRU4Rec, GRU4RecConfig
from hidden_gems.models.size import DataSize, Preset
from hidden_gems.training.budget import Budget
from hidden_gems.training.loop import LoopConfig
from hidden_gems.training.sequences import SequenceRecommender
from hidden_gems.training.trial import Trial

_WHOLE_HISTORY_DAYS = 36_500.0
"""Where people come back after months, a session of the plan's 30 days would often be empty."""
_LARGE = 400_000  # interactions from which on steps are larger


@dataclass(frozen=True)
class GRU4RecSettings:
    """How GRU4Rec is built and fitted."""

    width: int = 128
    hidden: int = 128
    layers: int = 2
    dropout: float = 0.1
    length: int = 50
    session_days: float = 30.0
    remembered: int = 200
    predictions: int = 2048
    candidates: int = 10_000
    scalar_rate: float = 10.0
    table_rate: float = 1.0
    centres: int = 64
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(epochs=20, batch=1, decay=0.0))

    @classmethod
    def of(cls, preset: Preset, size: DataSize) -> Self:
        """The plan's sizes, or sizes that fit the data."""
        if preset == "plan":
            return cls()
        width, hidden, large = 64, 128, size.interactions > _LARGE
        remembered = min(max(size.history, 20), 100 if large else 200)
        body = 2 * 3 * (width * hidden + hidden**2)  # one layer
        budget = Budget.of(size.interactions, body, width, remembered)
        return cls(
            width=width,
            hidden=hidden,
            layers=1,
            dropout=0.2,
            length=min(max(size.history, 20), 100),
            session_days=_WHOLE_HISTORY_DAYS,
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
            hidden=trial.suggest_categorical("hidden", (64, 128, 256)),
            dropout=trial.suggest_float("dropout", 0.0, 0.5),
            table_rate=trial.suggest_float("table_rate", 0.03, 3.0, log=True),
            loop=replace(self.loop, rate=trial.suggest_float("rate", 3e-4, 1e-2, log=True)),
        )


@dataclass
class GRU4RecRecommender(SequenceRecommender[GRU4Rec, GRU4RecSettings]):
    """GRU4Rec as a `Recommender`."""

    name: ClassVar[str] = "gru4rec"
    settings_type: ClassVar[type[GRU4RecSettings]] = GRU4RecSettings

    settings: GRU4RecSettings = field(default_factory=GRU4RecSettings)

    def make(self, items: int) -> GRU4Rec:
        """GRU4Rec of the right sizes."""
        settings = self.settings
        config = GRU4RecConfig(
            items=items,
            context=len(CONTEXT_NAMES),
            width=settings.width,
            layers=settings.layers,
            dropout=settings.dropout,
            order_only=self.facts.order_only,
            hidden=settings.hidden,
            session_days=settings.session_days,
            positions=settings.length,
        )
        return GRU4Rec(config, self.known_of_items())
