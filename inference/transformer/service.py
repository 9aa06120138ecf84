"""The KServe model: requests in either protocol become answers, logged and signed."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from kserve import InferOutput, InferRequest, InferResponse, Model

from hidden_gems.core.clock import Clock
from hidden_gems.core.errors import BadFieldError
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.events.records import Slate
from hidden_gems.events.tokens import Tokens
from hidden_gems.recommend.world import World
from inference.shell.deadline import DEFAULT_SECONDS, HEADER, Deadline, seconds_of
from inference.transformer.answers import Served, background
from inference.transformer.explaining import Explaining, wanted
from inference.transformer.messages import Instance, instances, question
from inference.transformer.metrics import ANSWERS, CONSTRAINTS, DEGRADED, EXPLORED, PLACES, stage
from inference.transformer.slates import kept, prediction, slate_of

NAME = "hidden-gems"
INPUT, OUTPUT = "instances", "predictions"
BACKGROUND_KEPT = 20


@dataclass(frozen=True)
class Door:
    """What the model needs beside the answers themselves."""

    world: Callable[[], World]  # the one that requests are to use now
    explaining: Explaining
    pseudonyms: Pseudonyms
    tokens: Tokens
    log: Callable[[Slate], None]  # takes a slate for the broker at once, or keeps it until the broker is back
    clock: Clock
    answer_seconds: float = DEFAULT_SECONDS


class HiddenGems(Model):  # type: ignore[misc]
    """`:predict` and `:explain` of v1, and `infer` of v2 over HTTP and gRPC."""

    def __init__(self, door: Door) -> None:
        super().__init__(NAME)
        self._door = door
        self.ready = True

    async def predict(self, payload: Any, headers: Mapping[str, str] | None = None) -> Any:
        """Answer a list of requests, one after another."""
        asked = instances(_instances(payload))
        seconds = seconds_of((headers or {}).get(HEADER), self._door.answer_seconds)
        found = [await self._answer(each, seconds) for each in asked]
        if not isinstance(payload, InferRequest):
            return {OUTPUT: found}
        texts = [json.dumps(each, ensure_ascii=False) for each in found]
        output = InferOutput(OUTPUT, [len(texts)], "BYTES", data=texts)
        return InferResponse(payload.id or "", self.name, [output])

    async def explain(self, payload: Any, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Explain one gem, or trace it through a slate."""
        asked, door = question(payload), self._door
        world, now = door.world(), door.clock.now()
        if asked.slate_id is not None and asked.trace:
            return await door.explaining.why(world, asked.slate_id, asked.item_id, now)
        if asked.slate_id is not None:
            return await door.explaining.of_slate(world, asked.slate_id, asked.item_id, now)
        instance = Instance(user_id=asked.user_id or "", item_id=asked.item_id, context=asked.context)
        request = instance.request(door.pseudonyms.of(instance.user_id), now, *_zone(world))
        return await door.explaining.of_gem(world, wanted(request), Deadline.after(door.answer_seconds))

    async def _answer(self, asked: Instance, seconds: float) -> dict[str, Any]:
        door, answers = self._door, self._door.explaining.answers
        world, now = door.world(), door.clock.now()
        request = asked.request(door.pseudonyms.of(asked.user_id), now, *_zone(world))
        with stage("answer"):
            served = await answers.answer(world, request, now, Deadline.after(seconds))
        lost = list(served.lost)
        told = await door.explaining.of(served, lost)
        self._write(served)
        ANSWERS.labels(served.policy).inc()
        PLACES.labels(served.variant).inc(len(served.filled.explored))
        EXPLORED.labels(served.variant).inc(sum(served.filled.explored))
        for each in served.filled.fired.values():
            for constraint in each:
                CONSTRAINTS.labels(constraint.reason).inc()
        for part in lost:
            DEGRADED.labels(part).inc()
        return prediction(served, asked.user_id, door.tokens, told) | {"degraded": lost}

    def _write(self, served: Served) -> None:
        """Log the slate, and keep it for its explanations where the store can be reached."""
        door, answers = self._door, self._door.explaining.answers
        with stage("log"):
            slate = slate_of(served)
            door.log(slate)
            if "features" not in served.lost and served.filled.places:
                others = background(served, BACKGROUND_KEPT, answers.random)
                door.explaining.keep(kept(served, slate, others))

    def get_input_types(self) -> list[dict[str, Any]]:
        """One text a request."""
        return [{"name": INPUT, "datatype": "BYTES", "shape": [-1]}]

    def get_output_types(self) -> list[dict[str, Any]]:
        """One text an answer."""
        return [{"name": OUTPUT, "datatype": "BYTES", "shape": [-1]}]


def _zone(world: World) -> tuple[str, bool]:
    return world.about.timezone, world.about.order_only


def _instances(payload: Any) -> Any:
    """The list of requests in either protocol.

    Raises:
        BadFieldError: If a v2 request has other inputs than texts, or one that is not JSON.
    """
    if not isinstance(payload, InferRequest):
        if not isinstance(payload, dict) or INPUT not in payload:
            raise BadFieldError(INPUT, "expected an object with a list of requests")
        return payload[INPUT]
    if [tensor.name for tensor in payload.inputs] != [INPUT] or payload.inputs[0].datatype != "BYTES":
        raise BadFieldError(INPUT, "expected one input of this name, BYTES, one JSON text a request")
    return _texts(payload.inputs[0].as_numpy().ravel().tolist())


def _texts(values: Sequence[Any]) -> list[Any]:
    found = []
    for number, text in enumerate(values):
        try:
            found.append(orjson.loads(text))
        except (orjson.JSONDecodeError, TypeError) as error:
            raise BadFieldError(f"{INPUT}[{number}]", "is not JSON") from error
    return found
