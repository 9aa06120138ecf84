"""One answer through every stage, and where a gem fell out of it."""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from hidden_gems.core.errors import NotFoundError
from hidden_gems.recommend.answering import Found
from hidden_gems.recommend.exploration import Floats, Mask, Step
from hidden_gems.recommend.live import LiveItems
from hidden_gems.recommend.rules import RULES
from hidden_gems.recommend.slate import Beliefs, Filled, Utilities


@dataclass(frozen=True, eq=False)
class Trace:
    """What every stage of one answer knew of every gem.

    Notation: I rows of the catalogue, n candidates, k positions; m of the candidates were allowed at a position.
    """

    newer: tuple[str, ...]  # gems that came after the release, last of the I
    fails: Mapping[str, Mask]  # gems that each condition left out, I
    item_ids: tuple[str, ...]  # n
    sources: tuple[tuple[str, ...], ...]  # n
    score: Floats  # of the ranker, n
    mean: Floats  # reward that an impression was believed to earn, n
    utility: Floats  # n
    places: tuple[int, ...]  # candidates that are shown, k
    constraints: tuple[tuple[str, ...], ...]  # that changed each position, k
    steps: tuple[Step, ...]  # k; none where nothing was drawn
    kept_out: tuple[Mapping[str, NDArray[np.int64]], ...]  # candidates by rule, k

    @classmethod
    def of(cls, items: LiveItems, found: Found, beliefs: Beliefs, utilities: Utilities, filled: Filled) -> "Trace":
        """Of an answer that was just made."""
        return cls(
            newer=tuple(items.index.ids[len(items.tables.index) :]),
            fails=found.left_out.fails,
            item_ids=found.item_ids,
            sources=found.sources,
            score=beliefs.score,
            mean=beliefs.mean,
            utility=utilities.mean,
            places=filled.places,
            constraints=tuple(filled.constraints(position) for position in range(len(filled.places))),
            steps=filled.steps,
            kept_out=tuple(
                {rule: np.flatnonzero(out) for rule, out in zip(RULES, masks, strict=True) if out.any()}
                for masks in filled.kept_out
            ),
        )

    def to_bytes(self) -> bytes:
        """As it is kept: numbers in single precision, small."""
        content = {
            "newer": self.newer,
            "fails": {name: _text(mask) for name, mask in self.fails.items()},
            "catalogue": len(next(iter(self.fails.values()), ())),
            "item_ids": self.item_ids,
            "sources": self.sources,
            **{name: getattr(self, name).astype(np.float32) for name in ("score", "mean", "utility")},
            "places": self.places,
            "constraints": self.constraints,
            "steps": [_packed(each) for each in self.steps],
            "kept_out": self.kept_out,
        }
        return zlib.compress(orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY), 1)

    @classmethod
    def from_bytes(cls, kept: bytes) -> "Trace":
        """Read what `to_bytes` wrote."""
        content = orjson.loads(zlib.decompress(kept))
        size = content["catalogue"]
        return cls(
            newer=tuple(content["newer"]),
            fails={name: _mask(text, size) for name, text in content["fails"].items()},
            item_ids=tuple(content["item_ids"]),
            sources=tuple(tuple(each) for each in content["sources"]),
            **{name: np.array(content[name], dtype=np.float64) for name in ("score", "mean", "utility")},
            places=tuple(content["places"]),
            constraints=tuple(tuple(each) for each in content["constraints"]),
            steps=tuple(
                Step(np.array(able, np.int64), np.array(u, np.float64), np.array(s, np.float64), share)
                for able, u, s, share in content["steps"]
            ),
            kept_out=tuple(
                {rule: np.array(numbers, np.int64) for rule, numbers in each.items()} for each in content["kept_out"]
            ),
        )

    def why(self, item_id: str, row: int) -> dict[str, Any]:
        """What became of one gem: `stage` is where it ended, the rest is what each stage knew of it.

        Args:
            item_id: The gem.
            row: Of the release; 0 for a gem that came later.

        Raises:
            NotFoundError: If the catalogue of the answer did not have it.
        """
        catalogue = len(next(iter(self.fails.values()), ()))
        if not row and item_id not in self.newer:
            raise NotFoundError("nobody knew this gem when the slate was made")
        row = row or catalogue - len(self.newer) + self.newer.index(item_id)
        fails = [name for name, mask in self.fails.items() if mask[row]]
        told: dict[str, Any] = {
            "catalogue": catalogue - 1,
            "fails": fails,
            "candidates": len(self.item_ids),
            "shown": [self.item_ids[place] for place in self.places],
        }
        if item_id not in self.item_ids:
            return {"stage": "filters" if fails else "candidates", **told}
        place = self.item_ids.index(item_id)
        told |= {
            "sources": list(self.sources[place]),
            "score": float(self.score[place]),
            "score_rank": _rank(self.score, place),
            "expected_reward": float(self.mean[place]),
            "utility": float(self.utility[place]),
            "utility_rank": _rank(self.utility, place),
            "draws": [self._draw(position, place) for position in range(len(self.steps))],
        }
        if place not in self.places:
            return {"stage": "draw", **told}
        position = self.places.index(place)
        told["draws"] = told["draws"][: position + 1]
        return {"stage": "shown", "position": position, "constraints": list(self.constraints[position]), **told}

    def _draw(self, position: int, place: int) -> dict[str, Any]:
        """What one position was for a candidate that was not yet shown."""
        step, rules = self.steps[position], self.kept_out[position]
        return {
            "position": position,
            "item_id": self.item_ids[self.places[position]],
            "probability": step.probability(place),
            "likeness_took": _took(step, place, float(self.utility[place])),
            "kept_out_by": [rule for rule, numbers in rules.items() if place in numbers],
        }


def _took(step: Step, place: int, utility: float) -> float:
    """Utility that a candidate lost at a position for being like one above; 0 where it might not stand there."""
    [at] = np.nonzero(step.able == place)
    return round(utility - float(step.utility[at[0]]), 4) + 0.0 if len(at) else 0.0


def _rank(values: Floats, place: int) -> int:
    """From 1, the best for equal ones."""
    return int((values > values[place]).sum()) + 1


def _packed(step: Step) -> tuple[Any, ...]:
    return step.able, step.utility.astype(np.float32), step.spread.astype(np.float32), step.explored_share


def _text(mask: Mask) -> str:
    return base64.b64encode(np.packbits(mask).tobytes()).decode()


def _mask(text: str, size: int) -> Mask:
    return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=size).astype(bool)
