"""What the loop tells: after a step, after an epoch, at its end."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """Where the loop is."""

    step: int  # steps done
    total: int  # steps if nothing stops it early; what was done, once something has
    loss: float  # of this step
    seconds_left: float  # if nothing stops it early


@dataclass(frozen=True)
class Epoch:
    """How an epoch went."""

    number: int  # from 1
    loss: float  # mean
    validation: float | None
    rate: float  # learning rate at its end, of the last group of parameters


@dataclass
class Report:
    """What the loop did; epochs count from 1, and 0 means that none was validated."""

    losses: list[float] = field(default_factory=list)  # mean loss of each epoch
    validations: list[float] = field(default_factory=list)  # validation value after each epoch
    rates: list[float] = field(default_factory=list)  # learning rate at the end of each epoch
    best_epoch: int = 0
    seconds: float = field(default=0.0, compare=False)  # up to here, without what a kill undid
    peak_bytes: int = field(default=0, compare=False)  # most memory held by this process, or by its GPU

    def epoch(self, number: int) -> Epoch:
        """One of the epochs, from 1."""
        value = self.validations[number - 1] if self.validations else None
        return Epoch(number, self.losses[number - 1], value, self.rates[number - 1])
