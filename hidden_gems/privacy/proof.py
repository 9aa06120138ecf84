"""The proof of an erasure: every store searched, and what is found judged by what was promised."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hidden_gems.core.erasable import Erasable, Trace
from hidden_gems.core.erasures import KEPT_SECONDS, moments
from hidden_gems.core.kv import KeyValue

Verdict = Literal["clean", "held", "pending", "overdue"]
"""Nothing of before the erasure is left · never erased · the deadline is to come · it is over."""
_SHOWN = 20


@dataclass(frozen=True)
class Found:
    """What is left in one store."""

    store: str
    verdict: Verdict
    deadline: float | None  # epoch seconds, None where nobody was erased
    left: tuple[str, ...]  # where somebody is named for what was known before
    since: int = 0  # places that name somebody new
    denylist: tuple[str, ...] = ()

    def to_json(self, most: int = _SHOWN) -> dict[str, Any]:
        """As a report has it, with so many places at most."""
        return {
            "store": self.store,
            "verdict": self.verdict,
            "deadline": self.deadline,
            "places": len(self.left),
            "left": list(self.left[:most]),
            "since": self.since,
            "denylist": list(self.denylist),
        }


@dataclass(frozen=True)
class Proof:
    """What every store has of somebody."""

    erased_at: float | None  # epoch seconds
    stores: tuple[Found, ...]

    @property
    def overdue(self) -> bool:
        """Whether something is left whose deadline is over."""
        return any(each.verdict == "overdue" for each in self.stores)

    @property
    def denylist_until(self) -> float | None:
        """Epoch seconds up to which the name itself is kept, so that nothing comes back."""
        return None if self.erased_at is None else self.erased_at + KEPT_SECONDS


def verify(stores: Sequence[Erasable], keys: KeyValue, person: str, now: float) -> Proof:
    """Search every store for somebody.

    Args:
        stores: All of them.
        keys: Where the denylist is.
        person: Pseudonym.
        now: Epoch seconds.

    Raises:
        PartUnavailableError: If a store does not answer.
    """
    erased_at = moments(keys, [person]).get(person)
    return Proof(erased_at, tuple(_judged(store, store.find(person, erased_at), erased_at, now) for store in stores))


def _judged(store: Erasable, traces: Sequence[Trace], erased_at: float | None, now: float) -> Found:
    left = tuple(each.where for each in traces if each.state == "left")
    deadline = None if erased_at is None else erased_at + store.seconds
    verdict: Verdict = "clean"
    if left:
        verdict = "held" if deadline is None else ("overdue" if now > deadline else "pending")
    denylist = tuple(each.where for each in traces if each.state == "denylist")
    return Found(store.name, verdict, deadline, left, sum(each.state == "since" for each in traces), denylist)
