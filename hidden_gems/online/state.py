"""The state of the online learners: one value with its version, written by the learner and followed by who ranks."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.errors import HiddenGemsError, ReleaseError
from hidden_gems.core.kv import KeyValue
from hidden_gems.core.names import ONLINE_STATE, ONLINE_VERSION
from hidden_gems.features.arm_context import COHORTS, CONTEXT_NAMES, MEMBER_NAMES, POSITION
from hidden_gems.online.cohorts import CohortWeights
from hidden_gems.online.entries import Shown, Told
from hidden_gems.online.exposure import Exposure
from hidden_gems.online.factors import Floats, OnlineFactors
from hidden_gems.online.left import looked, taken, unseen
from hidden_gems.online.linear import LinearArms
from hidden_gems.online.people import TASTE, OnPerson
from hidden_gems.online.seen import Seen
from hidden_gems.online.thompson import BetaThompson

NEW_ARM_STRENGTH = 2.0
"""Impressions that the prior of an arm without history is worth: wide, so that it is tried."""
LEAST_PRIOR = 1e-3
"""Of an item that earned nothing in a log where nobody earned anything; a Beta belief needs more than 0."""
HURRY_OUTCOMES, HURRY_PACE = 60.0, 2.0
"""For so many outcomes after a drift a person's own steps, and what they forget, are so many times as large."""
_SETTINGS = {
    "arms": ("prior_successes", "prior_failures", "half_life"),
    "factors": ("dimensions", "learning_rate", "decay", "scale", "bound", "seed"),
    "linear": ("width", "strength", "noise", "own_strength", "half_life", "unasked"),
    "cohorts": ("cohorts", "members", "rate", "decay", "bound"),
    "exposure": ("half_life", "slates"),
}
_MAGIC = b"gems-online-1\n"
_HASH_BYTES = 32


class BadStateError(HiddenGemsError):
    """A stored online state is torn or foreign; says where."""


class Drifted(NamedTuple):
    """A person whose taste was found to have changed."""

    user_id: str  # pseudonym
    score: float  # of the detector
    outcomes: int  # since the change before, or since the first
    before: tuple[int, ...]  # kinds they liked most, best first
    after: tuple[int, ...]


@dataclass(frozen=True)
class Moved:
    """What a batch did to people."""

    people: dict[str, bytes]  # what is held of everyone who was shown or told something, by pseudonym
    drifted: tuple[Drifted, ...] = ()


@dataclass
class OnlineState:
    """Everything learned online that is not one person's own, after some batch; whoever follows it only reads."""

    version: int  # batches that changed it
    arms: BetaThompson
    factors: OnlineFactors
    linear: LinearArms = field(default_factory=lambda: LinearArms(len(CONTEXT_NAMES), unasked=(POSITION,)))
    cohorts: CohortWeights = field(default_factory=lambda: CohortWeights(COHORTS, len(MEMBER_NAMES)))
    exposure: Exposure = field(default_factory=Exposure)

    def learn(self, shown: Sequence[Shown], told: Sequence[Told], people: Mapping[str, bytes | None]) -> Moved:
        """Take a batch of what counted; nothing else moves the state, live and in a replay.

        Args:
            shown: Slates; each is one impression of each of its gems, or takes back those that nobody saw.
            told: Feedback, in order.
            people: What is held of who was shown or told something; who is not there is new.
        """
        items = [item for slate in shown for item in slate.items]
        exposures = _exposures(shown, len(told))
        rewards = np.concatenate([np.zeros(len(items)), [each.reward for each in told]])
        self.arms.learn_many([*items, *(each.item_id for each in told)], exposures, rewards)
        self.exposure.learn_many([slate.items for slate in shown if not slate.event_id and slate.times > 0])
        self._learn_contexts(shown, told)
        moved = self._learn_people(shown, told, people)
        self.version += 1
        return moved

    def belief(self, item_ids: Sequence[str], contexts: Floats) -> tuple[Floats, Floats]:
        """Mean and spread of the reward that an impression earns, float64 in 0 to 1, size B each.

        The level of a gem is its arm's; the linear arms say how far this context lies above or below it.

        Args:
            item_ids: Gems, size B.
            contexts: As `features.arm_context` makes them, size B X D; their position is not looked at.
        """
        level, unsure = self.arms.belief(item_ids)
        shift, doubt = self.linear.shift(item_ids, contexts)
        return np.clip(level + shift, 0.0, 1.0), np.sqrt(unsure**2 + doubt**2)

    def _learn_contexts(self, shown: Sequence[Shown], told: Sequence[Told]) -> None:
        """Take what is known of how places looked into linear arms and cohorts."""
        slates = [(slate.items, Seen.from_text(slate.seen)) for slate in shown if slate.seen]
        answers = [(each, Seen.from_text(each.seen)) for each in told if each.seen]
        if not slates and not answers:
            return
        contexts = np.concatenate([seen.contexts for _, seen in (*slates, *answers)])
        items = [item for places, _ in slates for item in places]
        rewards = np.array([each.reward for each, _ in answers])
        exposed = _exposures([slate for slate in shown if slate.seen], len(answers))
        earned = np.concatenate([np.zeros(len(items)), rewards])
        self.linear.learn_many([*items, *(each.item_id for each, _ in answers)], contexts, exposed, earned)
        if answers:
            above = np.concatenate([seen.above for _, seen in answers])
            self.cohorts.learn_many([seen.cohort for _, seen in answers], above, rewards)

    def _learn_people(self, shown: Sequence[Shown], told: Sequence[Told], people: Mapping[str, bytes | None]) -> Moved:
        """Move who was shown and told something; who drifts learns faster for a while."""
        parts: list[Shown | Told] = [*shown, *told]
        names = dict.fromkeys(each.user_id for each in parts if each.user_id)
        held = {name: OnPerson.unpack(people.get(name)) for name in names}
        drifted = []
        for slate in shown:
            if slate.user_id:
                person, rows = held[slate.user_id], self.factors.add_items(slate.items).tolist()
                positions = slate.positions or range(len(rows))
                person.taste = TASTE.shown(person.taste, slate.kinds, positions, slate.times)
                if slate.times > 0:
                    person.left = looked(person.left, rows, slate.at, positions)
                else:
                    person.left = unseen(person.left, rows, positions)
        for each in told:
            person = held[each.user_id]
            before, outcomes = person.taste, TASTE.outcomes(person.taste) + 1
            person.taste, score = TASTE.learn_one(before, each.kind, each.reward)
            if score >= TASTE.threshold:
                liked = TASTE.favourites(before), TASTE.favourites(person.taste)
                drifted.append(Drifted(each.user_id, score, outcomes, *liked))
                person.hurry = HURRY_OUTCOMES
            pace = HURRY_PACE if person.hurry > 0 else 1.0
            person.hurry = max(0.0, person.hurry - 1.0)
            person.vector = self.factors.learn_one(person.vector, each.item_id, each.reward, pace)
            if each.reward > 0.0:
                person.left = taken(person.left, int(self.factors.index.rows([each.item_id])[0]))
        return Moved({name: person.pack() for name, person in held.items()}, tuple(drifted))

    def to_bytes(self) -> bytes:
        """A mark, a SHA-256, and NumPy arrays without pickle."""
        parts = {name: getattr(self, name) for name in _SETTINGS}
        about: dict[str, Any] = {"version": self.version} | {
            name: {each: getattr(part, each) for each in _SETTINGS[name]} for name, part in parts.items()
        }
        about |= {
            "arm_ids": self.arms.index.ids,
            "factor_ids": self.factors.index.ids,
            "linear_ids": self.linear.index.ids,
            "exposure_ids": self.exposure.index.ids,
        }
        tables = self.arms.arrays() | {f"linear_{name}": table for name, table in self.linear.arrays().items()}
        tables |= {"factors": self.factors.table(), "cohorts": self.cohorts.table(), **self.exposure.arrays()}
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, about=_text(about), **tables)
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
                found = cls(int(about["version"]), arms, factors)
                if "linear" in about:  # states of before had no more
                    linear = {
                        name.removeprefix("linear_"): arrays[name] for name in arrays if name.startswith("linear_")
                    }
                    found.linear = LinearArms(
                        **about["linear"] | {"unasked": tuple(about["linear"]["unasked"])}
                    ).restore(about["linear_ids"], linear)
                    found.cohorts = CohortWeights(**about["cohorts"]).restore(arrays["cohorts"])
                if "exposure" in about:
                    found.exposure = Exposure(**about["exposure"]).restore(about["exposure_ids"], arrays)
                return found
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


def _exposures(shown: Sequence[Shown], told: int) -> Floats:
    """Impressions that each gem of the slates is, then 0 for each feedback."""
    return np.concatenate([*(np.full(len(slate.items), slate.times) for slate in shown), np.zeros(told)])


def _text(content: Mapping[str, Any]) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(content, ensure_ascii=False).encode(), dtype=np.uint8)
