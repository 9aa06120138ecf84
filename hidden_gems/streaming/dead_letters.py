"""Messages that cannot be read: kept as they came, with where they stood and what is wrong with them."""

import base64
import hashlib
import json

from hidden_gems.events.topics import DEAD_LETTERS, SCHEMA_VERSION
from hidden_gems.streaming.broker import Message, Received

KEPT_BYTES, KEPT_CHARACTERS = 600_000, 500
"""Of a message, of its key and of the reason: a larger letter no broker would take, and nobody could be rid of it."""


def dead_letter(received: Received, reason: str, now: float) -> Message:
    """The message for the topic of dead letters.

    Args:
        received: As the broker gave it.
        reason: One sentence.
        now: Epoch seconds.

    Returns:
        A JSON object: schema_version, reason, topic, partition, offset, key, value (the bytes in base64, at most the
        first 600,000), bytes (how many there were), sha256 (of all of them), timestamp.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "reason": reason[:KEPT_CHARACTERS],
        "topic": received.topic,
        "partition": received.partition,
        "offset": received.offset,
        "key": received.key[:KEPT_CHARACTERS],
        "value": base64.b64encode(received.value[:KEPT_BYTES]).decode(),
        "bytes": len(received.value),
        "sha256": hashlib.sha256(received.value).hexdigest(),
        "timestamp": now,
    }
    return Message(DEAD_LETTERS, received.key[:KEPT_CHARACTERS], json.dumps(content, ensure_ascii=False).encode())
