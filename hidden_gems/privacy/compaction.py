"""The pass that lets stores forget who was erased, each of them once."""

from collections.abc import Sequence

from hidden_gems.core.erasable import Erasable
from hidden_gems.core.erasures import due, everyone, expire, forgot
from hidden_gems.core.kv import KeyValue
from hidden_gems.privacy.promises import TELLING


def compact(stores: Sequence[Erasable], keys: KeyValue, *, again: bool = False) -> dict[str, int]:
    """Erase everybody who is due from each store, and note that it has forgotten them.

    Args:
        stores: Those that note whom they have forgotten.
        keys: Where the denylist is.
        again: Also whom a store has forgotten already, for one that was put back from a copy.

    Returns:
        People by store.

    Raises:
        PartUnavailableError: If a store does not answer; those before it are done.
    """
    done = {}
    for store in stores:
        people = everyone(keys) if again else due(keys, store.name)
        if people:
            store.erase({each.person: each.at for each in people})
            forgot(keys, store.name, people)
        done[store.name] = len(people)
    return done


def end_of_list(keys: KeyValue, now: float) -> int:
    """Take those off the denylist whom no copy can bring back any more; how many."""
    return len(expire(keys, TELLING, now))
