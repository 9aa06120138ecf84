"""What a running learner is asked to take back, or to forget: an order in the key-value store, and its answer."""

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from hidden_gems.core.errors import BadInputError, HiddenGemsError, PartUnavailableError
from hidden_gems.core.kv import KeyValue
from hidden_gems.core.names import LEARNER_ANSWER, LEARNER_ORDER
from hidden_gems.online.learning import OnlineLearning


@dataclass(frozen=True)
class Order:
    """Steps, or people, that are not to count from now on; or people who are not to be named."""

    order_id: str
    back_to: int | None = None  # version
    without: tuple[str, ...] = ()  # pseudonyms
    forget: bool = False  # let journal and snapshots forget who was erased


@dataclass(frozen=True)
class Answer:
    """What became of an order."""

    order_id: str
    version: int  # of the state after it
    digest: str
    error: str = ""


def take_order(keys: KeyValue) -> Order | None:
    """What is asked, if anything."""
    [text] = keys.get([LEARNER_ORDER])
    if text is None:
        return None
    content = json.loads(text)
    return Order(**content | {"without": tuple(content["without"])})


def obey(order: Order, learning: OnlineLearning) -> Answer:
    """Do what is asked; what cannot be done is answered, what a store does not take is raised.

    Raises:
        PartUnavailableError: If a store does not answer.
    """
    if order.forget:
        learning.forget()
        return Answer(order.order_id, learning.state.version, "")
    try:
        found = learning.take_back(order.back_to, order.without)
    except PartUnavailableError:
        raise
    except HiddenGemsError as error:
        return Answer(order.order_id, learning.state.version, "", str(error))
    return Answer(order.order_id, found.state.version, found.digest)


def answer_order(keys: KeyValue, answer: Answer) -> None:
    """Tell what became of an order, and take it off."""
    keys.put({LEARNER_ANSWER: json.dumps(asdict(answer)).encode()})
    keys.delete([LEARNER_ORDER])


def order(
    keys: KeyValue, back_to: int | None = None, without: Sequence[str] = (), timeout_seconds: float = 60.0
) -> Answer:
    """Ask the running learner, and wait for its answer.

    Raises:
        BadInputError: If it cannot do it; says why.
        PartUnavailableError: If it does not answer in time, or the store does not.
    """
    return _asked(keys, Order(secrets.token_hex(8), back_to, tuple(without)), timeout_seconds)


def order_forget(keys: KeyValue, timeout_seconds: float = 60.0) -> Answer:
    """Let the running learner's files forget who was erased, and wait until they have.

    Raises:
        PartUnavailableError: If it does not answer in time, or the store does not.
    """
    return _asked(keys, Order(secrets.token_hex(8), forget=True), timeout_seconds)


def _asked(keys: KeyValue, asked: Order, timeout_seconds: float) -> Answer:
    keys.put({LEARNER_ORDER: json.dumps(asdict(asked)).encode()})
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        [text] = keys.get([LEARNER_ANSWER])
        if text is not None and (found := Answer(**json.loads(text))).order_id == asked.order_id:
            if found.error:
                raise BadInputError(found.error)
            return found
        time.sleep(0.1)
    keys.delete([LEARNER_ORDER])
    raise PartUnavailableError(
        "learner", f"it did not do what was asked within {timeout_seconds:.0f} s; is it running?"
    )
