"""Messages that cannot be read: kept as they came, with where they stood and what is wrong with them."""

import base64
import json

from hidden_gems.events.topics import DEAD_LETTERS, SCHEMA_VERSION
from hidden_gems.streaming.broker import Message, Received


def dead_letter(received: Received, reason: str, now: float) -> Message:
    """The message for the topic of dead letters.

    Args:
        received: As the broker gave it.
        reason: One sentence.
        now: Epoch seconds.

    Returns:
        A JSON object: schema_version, reason, topic, partition, offset, key, value (the bytes in base64), timestamp.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "reason": reason,
        "topic": received.topic,
        "partition": received.partition,
        "offset": received.offset,
        "key": received.key,
        "value": base64.b64encode(received.value).decode(),
        "timestamp": now,
    }
    return Message(DEAD_LETTERS, received.key, json.dumps(content, ensure_ascii=False).encode())
