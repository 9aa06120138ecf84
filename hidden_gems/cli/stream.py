"""`gems stream`: messages that could not be read, sending messages again, and the topics."""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import AsJson
from hidden_gems.cli.stack_state import need_stack
from hidden_gems.core.errors import BadInputError

stream_app = typer.Typer(
    name="stream", no_args_is_help=True, help="Messages that could not be read, sending messages again, and the topics."
)
_QUIET_POLLS, _POLL_SECONDS, _POLL_MESSAGES = 3, 0.5, 1_000
_SEND_MESSAGES = 200
_TOPICS_SECONDS = 30.0


@stream_app.command("dead-letters")
@needs_extra("serve")
def dead_letters(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write them as JSON lines, with their bytes in base64.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what could not be read: where it stood, what is wrong with it, and how it begins.

    Mended lines of --out go back with `gems stream replay`.
    """
    from hidden_gems.events.topics import DEAD_LETTERS

    letters = [json.loads(value) for value in read_topic(need_stack().addresses["kafka"], DEAD_LETTERS)]
    if out is not None:
        out.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in letters), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(letters, ensure_ascii=False))
        return
    table = Table("topic", "partition", "offset", "reason", "begins with")
    for each in letters[-50:]:
        begin = base64.b64decode(each["value"])[:40].decode(errors="replace")
        table.add_row(each["topic"], str(each["partition"]), str(each["offset"]), each["reason"], begin)
    console = Console()
    console.print(table if letters else "There are no dead letters.")
    for reason, count in Counter(each["reason"].split(":")[0] for each in letters).most_common():
        console.print(f"{count:>8,}  {reason}", markup=False)


@stream_app.command("replay")
@needs_extra("serve")
def replay(
    letters: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines as `gems stream dead-letters --out`.")],
    as_json: AsJson = False,
) -> None:
    """Send the messages of a file to their topics again; what has had its effect has none twice.

    Each line has `topic`, `key` and `value` in base64 – or `text` instead of `value`, for a message mended by hand.
    """
    from hidden_gems.streaming.broker import Message
    from hidden_gems.streaming.kafka import KafkaProducer
    from hidden_gems.streaming.kafka_access import KafkaAccess

    messages = [Message(topic, key, value) for topic, key, value in _lines(letters)]
    producer = KafkaProducer(KafkaAccess.told(need_stack().addresses["kafka"]), timeout_seconds=10.0)
    try:
        for start in range(0, len(messages), _SEND_MESSAGES):
            producer.send(messages[start : start + _SEND_MESSAGES])
    finally:
        producer.close()
    sent = dict(Counter(message.topic for message in messages))
    typer.echo(json.dumps({"sent": sent}) if as_json else f"Sent {len(messages):,} messages: {sent}")


@stream_app.command()
@needs_extra("serve")
def topics(
    partitions: Annotated[int, typer.Option("--partitions", min=1, help="Of each topic that is made.")],
    replicas: Annotated[int, typer.Option("--replicas", min=1, help="Brokers that hold each partition.")],
    kafka: Annotated[
        str, typer.Option("--kafka", envvar="GEMS_KAFKA", metavar="HOST:PORT,…", help="By default the running stack's.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make the topics that are not there yet; one that is there stays as it is.

    With GEMS_KAFKA_IAM=true as whom AWS says that we are.
    """
    from hidden_gems.events.topics import TOPICS
    from hidden_gems.streaming.kafka import create_topics
    from hidden_gems.streaming.kafka_access import KafkaAccess

    access = KafkaAccess.told(kafka or need_stack().addresses["kafka"])
    made = create_topics(access, partitions, replicas, _TOPICS_SECONDS)
    there = sorted(set(TOPICS) - set(made))
    if as_json:
        typer.echo(json.dumps({"made": made, "there": there}))
        return
    typer.echo(f"Made, with {partitions} partitions on {replicas} brokers: {', '.join(made) or 'none'}")
    typer.echo(f"Left as they were: {', '.join(there) or 'none'}")


def _lines(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Topic, key and bytes of each line.

    Raises:
        BadInputError: If the file or a line cannot be read; says which.
    """
    from hidden_gems.events.topics import DEAD_LETTERS, DOOR, TOPICS

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        try:
            content: dict[str, Any] = json.loads(line)
            topic, key = content["topic"], str(content.get("key", ""))
            value = content["text"].encode() if "text" in content else base64.b64decode(content["value"], validate=True)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInputError(f"{path}, line {number}: expected JSON with topic, key and value: {error}") from error
        if topic == DOOR:
            raise BadInputError(f"{path}, line {number}: the collector refused it; mend it and send it there again")
        if topic not in TOPICS or topic == DEAD_LETTERS:
            raise BadInputError(f"{path}, line {number}: {topic!r} is no topic to send to")
        yield topic, key, value


def read_topic(address: str, topic: str) -> list[bytes]:
    """Every message of a topic from its beginning, without moving anybody's position."""
    from hidden_gems.streaming.kafka import KafkaConsumer
    from hidden_gems.streaming.kafka_access import KafkaAccess

    consumer, found, quiet = KafkaConsumer(KafkaAccess.told(address), "gems-stream", [topic]), [], 0
    try:
        while quiet < _QUIET_POLLS:
            came = consumer.poll(_POLL_SECONDS, _POLL_MESSAGES)
            quiet = 0 if came or not consumer.assigned() else quiet + 1
            found += [each.value for each in came]
    finally:
        consumer.close()
    return found
