"""The state of the online learners: one value with its version, written by the learner and followed by who ranks."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.errors import HiddenGemsError, ReleaseError
from hidden_gems.core.kv import KeyValue
from hidden_gems.core.names import ONLINE_STATE, ONLINE_VERSION
from hidden_gems.online.factors import Feedback, Floats, OnlineFactors
from hidden_gems.online.journal import Shown, Told
from hidden_gems.online.thompson import BetaThompson

NEW_ARM_STRENGTH = 2.0
"""Impressions that the prior of an arm without history is worth: wide, so that it is tried."""
LEAST_PRIOR = 1e-3
"""Of an item that earned nothing in a log where nobody earned anything; a Beta belief needs more than 0."""
_MAGIC = b"gems-online-1\n"
_HASH_BYTES = 32


class BadStateError(HiddenGemsError):
    """A stored online state is torn or foreign; says where."""


@dataclass
class OnlineState:
    """Arms and item factors after some batch; whoever follows it only reads."""

    version: int  # batches that changed it
    arms: BetaThompson
    factors: OnlineFactors

    def learn(self, shown: Sequence[Shown], told: Sequence[Told], people: Mapping[str, Floats]) -> dict[str, Floats]:
        """Take a batch of what counted; nothing else moves arms and factors, live and in a replay.

        Args:
            shown: Slates; each is one impression of each of its gems.
            told: Feedback, in order.
            people: Vectors of who told, as `factors.person` reads them; who is not there is new.

        Returns:
            The vector of everyone who told, after it.
        """
        items = [item for slate in shown for item in slate.items]
        exposures = np.repeat([1.0, 0.0], [len(items), len(told)])
        rewards = np.concatenate([np.zeros(len(items)), [each.reward for each in told]])
        self.arms.learn_many([*items, *(each.item_id for each in told)], exposures, rewards)
        moved = self.factors.learn_many(people, [Feedback(each.user_id, each.item_id, each.reward) for each in told])
        self.version += 1
        return moved

    def to_bytes(self) -> bytes:
        """A mark, a SHA-256, and NumPy arrays without pickle."""
        arms, factors = self.arms, self.factors
        about = {
            "version": self.version,
            "arms": {name: getattr(arms, name) for name in ("prior_successes", "prior_failures", "half_life")},
            "factors": {
                name: getattr(factors, name)
                for name in ("dimensions", "learning_rate", "decay", "scale", "bound", "seed")
            },
            "arm_ids": arms.index.ids,
            "factor_ids": factors.index.ids,
        }
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, about=_text(about), factors=factors.table(), **arms.arrays())
        body = buffer.getvalue()
        return _MAGIC + hashlib.sha256(body).digest() + body

    @classmethod
    def from_bytes(cls, value: bytes) -> "OnlineState":
        """Read what `to_bytes` wrote.

        Raises:
            BadStateError: If it is torn, or nothing of ours.
        """
        start = len(_MAGIC) + _HASH_BYTES
        body = value[start:]
        if not value.startswith(_MAGIC):
            raise BadStateError(f"the value under {ONLINE_STATE!r} is no online state of this version; delete it")
        if hashlib.sha256(body).digest() != value[len(_MAGIC) : start]:
            raise BadStateError(f"the value under {ONLINE_STATE!r} does not match its hash: it is torn; delete it")
        try:
            with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
                about = json.loads(arrays["about"].tobytes())
                arms = BetaThompson(**about["arms"]).restore(about["arm_ids"], arrays)
                factors = OnlineFactors(**about["factors"]).restore(about["factor_ids"], arrays["factors"])
                return cls(int(about["version"]), arms, factors)
        except (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise BadStateError(f"the value under {ONLINE_STATE!r} cannot be read: {error}") from error


def prior_state(release: Path, half_life: float | None = None) -> OnlineState:
    """State to start with while the store is empty: the priors of a release, and factors that know nothing.

    Args:
        release: Folder of a release.
        half_life: Of the arms, in impressions.

    Raises:
        ReleaseError: If the release has no readable priors.
    """
    path = release / "policy" / "arms.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            ids = arrays["item_ids"].tolist()
            successes, failures = (np.maximum(arrays[name], LEAST_PRIOR) for name in ("successes", "failures"))
        rate = float(successes[0] / (successes[0] + failures[0]))
        arms = BetaThompson(NEW_ARM_STRENGTH * rate, NEW_ARM_STRENGTH * (1.0 - rate), half_life)
        arms.set_priors(ids[1:], successes[1:], failures[1:])
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise ReleaseError(f"{path} holds no priors of arms: {error}") from error
    factors = OnlineFactors()
    factors.add_items(ids[1:])
    return OnlineState(0, arms, factors)


def publish(keys: KeyValue, state: OnlineState, beside: Mapping[str, bytes] | None = None) -> None:
    """Write `beside`, then the state, then its version: up to 1,000 keys in one stroke, all or none.

    Raises:
        PartUnavailableError: If the store does not answer; writing the same again is harmless.
    """
    written = {ONLINE_STATE: state.to_bytes(), ONLINE_VERSION: str(state.version).encode()}
    keys.put({**(beside or {}), **written})


def follow(keys: KeyValue, held: OnlineState | None) -> OnlineState | None:
    """The stored state where it is another one than the one held, else None.

    The store is right, also where its version is lower: it was emptied, and the learner began anew.

    Raises:
        BadStateError: If the stored state is torn or foreign.
        PartUnavailableError: If the store does not answer.
    """
    [version] = keys.get([ONLINE_VERSION])
    if version is None or (held is not None and int(version) == held.version):
        return None
    [value] = keys.get([ONLINE_STATE])
    return None if value is None else OnlineState.from_bytes(value)


def _text(content: Mapping[str, Any]) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(content, ensure_ascii=False).encode(), dtype=np.uint8)
