"""What the watch has found, in a file beside the journal: versions that were good, and returns to them."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hidden_gems.core.errors import HiddenGemsError
from hidden_gems.online.journal import write_whole
from hidden_gems.online.watch import Comparison, Side

_FILE = "watch.json"
_MOST = 200
"""Good versions that are kept: hourly ones of the week that snapshots reach back, and some more."""


class BadWatchError(HiddenGemsError):
    """The file of the watch cannot be read; says which."""


@dataclass(frozen=True)
class Good:
    """A version at the end of a window in which online earned no less than the release alone."""

    at: float  # epoch seconds on the learner's clock
    version: int
    difference: float  # reward a slate over the release
    error: float  # standard error of that


@dataclass(frozen=True)
class Return:
    """A return to a good version."""

    at: float  # epoch seconds on the learner's clock
    below: int  # version that was found below the release
    back_to: int
    version: int  # of the state after it


@dataclass
class Watched:
    """Good versions and returns, oldest first, and the last comparison."""

    comparison: Comparison = field(default_factory=lambda: Comparison(0.0, "not watched"))
    good: list[Good] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)

    def judged(self, comparison: Comparison, version: int) -> None:
        """Take a comparison of the state at a version."""
        self.comparison = comparison
        if comparison.verdict == "good":
            good = Good(comparison.at, version, comparison.difference, comparison.error)
            self.good = [*self.good, good][-_MOST:]

    def target(self, led: int, oldest: int) -> int | None:
        """Version to go back to: the newest one that answered before online fell behind and was as good as the best.

        Online sinks through a whole window before it is below: what was good in the middle of that holds the harm. As
        good as the best is therefore within one standard error of it. Version 0 is the priors of the release, hence as
        good as the release.

        Args:
            led: Newest version that answered while online led.
            oldest: Version of the oldest snapshot.

        Returns:
            None where no such version can be reached.
        """
        reached = [good for good in self.good if oldest <= good.version <= led]
        if not reached:
            return 0 if oldest == 0 else None
        best = max(reached, key=lambda good: good.difference)
        return max(good.version for good in reached if good.difference >= best.difference - best.error)

    def returned(self, what: Return) -> None:
        """Note a return; the version it went back to has had its chance: another return goes behind it."""
        self.good = [good for good in self.good if good.version < what.back_to]
        self.returns = [*self.returns, what][-_MOST:]

    def save(self, folder: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            OSError: If the disk does not take it.
        """
        write_whole(folder / _FILE, json.dumps(asdict(self)).encode())

    @classmethod
    def load(cls, folder: Path) -> "Watched":
        """What `save` wrote; nothing where there is no file.

        Raises:
            BadWatchError: If the file was changed.
        """
        path = folder / _FILE
        try:
            content = json.loads(path.read_bytes())
            said = content["comparison"]
            sides = {name: Side(**side) for name, side in said["sides"].items()}
            return cls(
                Comparison(**said | {"sides": sides}),
                [Good(**each) for each in content["good"]],
                [Return(**each) for each in content["returns"]],
            )
        except FileNotFoundError:
            return cls()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadWatchError(f"{path} cannot be read, delete it to begin anew: {error}") from error
