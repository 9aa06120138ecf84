"""Micro-batches: messages that are worth handling together, by number or by time."""

import time
from collections.abc import Callable

from hidden_gems.streaming.broker import Consumer, Received

BATCH_MESSAGES = 200
BATCH_SECONDS = 0.5


def next_batch(
    consumer: Consumer,
    at_most: int = BATCH_MESSAGES,
    seconds: float = BATCH_SECONDS,
    monotonic: Callable[[], float] = time.monotonic,
) -> list[Received]:
    """What comes until there are `at_most` messages or `seconds` have passed; maybe nothing.

    Args:
        consumer: To read; nothing is committed here.
        at_most: Messages that make the batch full.
        seconds: Longest time that a message waits for others.
        monotonic: Clock of the waiting, in seconds.

    Examples:
        >>> from hidden_gems.streaming.broker import MemoryBroker, Message
        >>> broker = MemoryBroker()
        >>> broker.producer().send([Message("items.v1", "g1", b"1"), Message("items.v1", "g1", b"2")])
        >>> consumer = broker.consumer("learner", ["items.v1"])
        >>> [[each.value for each in next_batch(consumer, at_most)] for at_most in (1, 5, 5)]
        [[b'1'], [b'2'], []]
    """
    until = monotonic() + seconds
    found: list[Received] = []
    while len(found) < at_most and (left := until - monotonic()) > 0:
        came = consumer.poll(left, at_most - len(found))
        if not came:  # in all the time that was left
            break
        found += came
    return found
