"""Messages that cannot be read: kept with the bytes as they came, where they stood and what was wrong."""

import base64
import json

from hidden_gems.events.topics import DEAD_LETTERS
from hidden_gems.streaming.broker import Message, Received


def dead_letter(received: Received, reason: str, now: float) -> Message:
    """The message for the topic of dead letters.

    Args:
        received: As the broker gave it.
        reason: One sentence.
        now: Epoch seconds.
    """
    content = {
        "topic": received.topic,
        "partition": received.partition,
        "offset": received.offset,
        "key": received.key,
        "value": base64.b64encode(received.value).decode(),
        "reason": reason,
        "timestamp": now,
    }
    return Message(DEAD_LETTERS, received.key, json.dumps(content, ensure_ascii=False).encode())
