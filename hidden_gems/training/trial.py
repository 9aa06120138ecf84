"""What a search for settings asks of a settings class, and what it gives."""

from typing import Any, Protocol, Self, runtime_checkable

from hidden_gems.models.size import DataSize


class Trial(Protocol):
    """Where a search asks for values; an Optuna trial is one."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number in [low, high]."""
        ...

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """A whole number in [low, high]."""
        ...

    def suggest_categorical(self, name: str, choices: tuple[Any, ...]) -> Any:
        """One of the choices."""
        ...


@runtime_checkable
class Tunable(Protocol):
    """Settings that offer a search space."""

    def suggest(self, trial: Trial, size: DataSize) -> Self:
        """Other settings: those of the space as the trial says, the rest as they are."""
        ...
