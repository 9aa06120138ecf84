"""What every store must do that may hold something of a person: show it, erase it, and find what is left of it."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol

State = Literal["left", "since", "denylist"]
"""To be erased · of somebody new under the same name, from after the erasure · kept so that nothing comes back."""


class Trace(NamedTuple):
    """One place where somebody is named."""

    where: str  # key, file, or message
    state: State = "left"


class Erasable(Protocol):
    """A store of people, who are pseudonyms here."""

    @property
    def name(self) -> str:
        """One word, as receipts have it."""
        ...

    @property
    def what(self) -> str:
        """What it holds, for somebody who reads a receipt."""
        ...

    @property
    def seconds(self) -> float:
        """How long after the request it may take to forget somebody."""
        ...

    def erase(self, people: Mapping[str, float]) -> None:
        """Forget people, as far as this store can: all it learned of each up to a moment, epoch seconds.

        Raises:
            PartUnavailableError: If it does not answer; erase again.
        """
        ...

    def find(self, person: str, erased_at: float | None) -> list[Trace]:
        """Where somebody is named; None where they were never erased.

        Raises:
            PartUnavailableError: If it does not answer.
        """
        ...

    def export(self, person: str) -> Any:
        """What it holds of somebody, as JSON has it; None for nothing.

        Raises:
            PartUnavailableError: If it does not answer.
        """
        ...
