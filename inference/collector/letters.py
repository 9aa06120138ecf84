"""Events that were refused at the door, on their way to the dead letters: without ids and tokens of people."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hidden_gems.core.ids import MAX_ID_LENGTH
from hidden_gems.events.topics import DOOR
from hidden_gems.streaming.broker import Message, Received
from hidden_gems.streaming.dead_letters import dead_letter
from inference.collector.messages import ERASED, TOO_MANY, Rejection

LONGEST_BYTES = 4_096
_UNKEPT = frozenset({ERASED, TOO_MANY})
"""Reasons of events that are not kept: of who was erased, and of who is to send them again."""
_SECRET = ("user_id", "impression_token")


def letters_of(
    contents: Sequence[Any], rejected: Sequence[Rejection], pseudonym: Callable[[str], str], now: float
) -> list[Message]:
    """A dead letter for each event of a list that was refused for what it says, with the reason.

    Args:
        contents: JSON values of the list.
        rejected: What was refused of it.
        pseudonym: Stands for a person; their id is kept nowhere.
        now: Epoch seconds.
    """
    return [
        dead_letter(
            Received(DOOR, -1, each.index, _person(contents[each.index], pseudonym), _plain(contents[each.index])),
            f"{each.reason}: {each.message}",
            now,
        )
        for each in rejected
        if each.reason not in _UNKEPT
    ]


def _person(content: Any, pseudonym: Callable[[str], str]) -> str:
    said = content.get("user_id") if isinstance(content, Mapping) else None
    usable = isinstance(said, str | int) and not isinstance(said, bool) and 1 <= len(str(said)) <= MAX_ID_LENGTH
    return pseudonym(str(said)) if usable else ""


def _plain(content: Any) -> bytes:
    """The event as JSON, without what may name a person, cut where it is long."""
    if isinstance(content, Mapping):
        content = {name: said for name, said in content.items() if name not in _SECRET}
    text = json.dumps(content, ensure_ascii=True, default=str)
    return text.encode()[:LONGEST_BYTES]
