"""`gems privacy`: what is held about a person, its erasure, and the proof that nothing is left."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import AsJson, Places, check_out
from hidden_gems.cli.stack_state import StackState, need_stack
from hidden_gems.client import Client
from hidden_gems.core.errors import HiddenGemsError
from hidden_gems.core.home import gems_home
from hidden_gems.core.redis_access import RedisAccess

if TYPE_CHECKING:
    from hidden_gems.core.erasable import Erasable
    from hidden_gems.core.kv import KeyValue
    from hidden_gems.privacy.proof import Proof

privacy_app = typer.Typer(
    name="privacy", no_args_is_help=True, help="What is held about a person: shown, erased, proved absent."
)
User = Annotated[str, typer.Option("--user", metavar="U", help="Id of the person, as callers know it.")]
_CLIENT_SECONDS, _AUDIT_SECONDS, _LOOK_SECONDS = 10.0, 10.0, 0.5
_SOON = ("online", "learner")


@privacy_app.command()
@needs_extra("serve")
def export(
    user: User,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.json", help="Write it instead of a table.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show everything that is held about a person, store by store.

    Try: gems privacy export --user u42 --out u42.json
    """
    if out is not None:
        check_out(out, [".json"])
    state = need_stack()
    with _client(state) as client:
        told = client.export(user).model_dump(mode="json")
    person = _pseudonym(user)
    found: dict[str, Any] = {"online": told}
    for store in _stores(state, _keys(state)):
        if store.name != "online":
            found[store.name] = store.export(person)
    text = json.dumps(found, ensure_ascii=False, default=str)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")
        typer.echo(json.dumps({"out": str(out)}) if as_json else f"Everything about {user} is in {out}.")
    elif as_json:
        typer.echo(text)
    else:
        table = Table("store", "holds")
        for name, held in found.items():
            table.add_row(name, "nothing" if held is None else f"{len(json.dumps(held, default=str)):,} bytes of JSON")
        Console().print(table)
        typer.echo("--out FILE.json or --json gives all of it.")


@privacy_app.command()
@needs_extra("serve")
def erase(
    user: User,
    wait: Annotated[float, typer.Option("--wait", min=0.0, help="Seconds to wait for the online stores.")] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Erase a person: online stores now, everything else by the deadlines of the receipt.

    Whatever was known of them up to this second is not taken again. Ends with 1 if an online store is not done in time.

    Try: gems privacy erase --user u42, then gems privacy verify --user u42
    """
    state = need_stack()
    with _client(state) as client:
        receipt = client.erase(user)
        until = time.monotonic() + wait
        while _pending(receipt) and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
            receipt = client.erasure(receipt.receipt)
    if as_json:
        typer.echo(json.dumps(receipt.model_dump(mode="json"), ensure_ascii=False))
    else:
        table = Table("store", "state", "deadline", title=f"receipt {receipt.receipt}")
        for each in receipt.stores:
            table.add_row(each.store, each.state, each.deadline)
        Console().print(table)
    if left := _pending(receipt):
        raise HiddenGemsError(f"not erased within {wait:.0f} s: {', '.join(left)}; does the learner run?")


@privacy_app.command()
@needs_extra("serve")
def verify(user: User, as_json: AsJson = False) -> None:
    """Search every store for a person, keys and values of the online store and all files of this home included.

    What is left of before the erasure is pending until its deadline; what is left after it is overdue, and the command
    ends with 1. What came after the erasure is that of somebody new.

    Try: gems privacy compact, then gems privacy verify --user u42
    """
    from hidden_gems.privacy import proof

    state, person = need_stack(), _pseudonym(user)
    keys = _keys(state)
    found = proof.verify([*_stores(state, keys), _others(state)], keys, person, state.the_clock().now())
    if as_json:
        typer.echo(json.dumps(_report(user, found), ensure_ascii=False))
    else:
        _show(user, found)
    if found.overdue:
        raise typer.Exit(1)


@privacy_app.command()
@needs_extra("serve")
def compact(as_json: AsJson = False) -> None:
    """Let history, training copies, journal and snapshots forget everybody who was erased, now.

    The archiver and the learner of a running stack do it every hour on their own.
    """
    from hidden_gems.privacy import compaction
    from hidden_gems.privacy.promises import TELLING

    state = need_stack()
    keys = _keys(state)
    done = compaction.compact([each for each in _stores(state, keys) if each.name in TELLING], keys, again=True)
    if as_json:
        typer.echo(json.dumps(done))
        return
    table = Table("store", "people on the denylist")
    for store, people in done.items():
        table.add_row(store, f"{people:,}")
    Console().print(table)


def _client(state: StackState) -> Client:
    from hidden_gems.cli.stack import kept_keys

    addresses = state.addresses
    key = kept_keys()[0].rpartition(":")[2]
    return Client(addresses["transformer"], addresses["collector"], key, timeout_seconds=_CLIENT_SECONDS)


def _keys(state: StackState) -> "KeyValue":
    from hidden_gems.core.kv import RedisKeyValue

    return RedisKeyValue(RedisAccess.told(state.addresses["redis"]), _AUDIT_SECONDS)


def _stores(state: StackState, keys: "KeyValue") -> "list[Erasable]":
    """Every store of a stack that may name somebody."""
    from hidden_gems.privacy import files
    from hidden_gems.privacy.online import OnlineStore
    from hidden_gems.privacy.topics import Topics
    from hidden_gems.streaming.kafka import KafkaConsumer
    from hidden_gems.streaming.kafka_access import KafkaAccess

    kafka = KafkaAccess.told(state.addresses["kafka"])
    places = Places(Path(state.root))
    return [
        OnlineStore(keys, lambda: sorted(each.parent.name for each in places.releases.glob("*/release.json"))),
        files.LearnerFiles(places.learner, keys),
        files.archive(places.history),
        files.training_copies(places.runs, places.feast),
        files.StoreLog(keys, places.redis),
        files.spool(places.spool),
        Topics(lambda topics: KafkaConsumer(kafka, "gems-privacy", topics)),
    ]


def _others(state: StackState) -> "Erasable":
    from hidden_gems.privacy.files import other_files

    places = Places(Path(state.root))
    known = (places.learner, places.history, places.runs, places.feast, places.redis, places.spool)
    return other_files(gems_home(), known)


def _pseudonym(user: str) -> str:
    from hidden_gems.core.ids import Pseudonyms

    return Pseudonyms.load(gems_home()).of(user)


def _pending(receipt: Any) -> list[str]:
    return [each.store for each in receipt.stores if each.store in _SOON and each.state != "done"]


def _report(user: str, found: "Proof") -> dict[str, Any]:
    return {
        "user_id": user,
        "erased_at": _iso(found.erased_at),
        "denylist_until": _iso(found.denylist_until),
        "overdue": found.overdue,
        "stores": [each.to_json() | {"deadline": _iso(each.deadline)} for each in found.stores],
    }


def _show(user: str, found: "Proof") -> None:
    table = Table("store", "verdict", "until", "places", "since", "for example")
    for each in found.stores:
        until = _iso(each.deadline) if each.verdict in ("pending", "overdue") else ""
        table.add_row(each.store, each.verdict, until, str(len(each.left)), str(each.since), _first(each.left))
    console = Console()
    console.print(table)
    if found.erased_at is None:
        console.print(f"{user} was never erased here.")
    else:
        console.print(
            f"{user} was erased at {_iso(found.erased_at)}. The name itself stays on the denylist until "
            f"{_iso(found.denylist_until)}, so that nothing brings them back."
        )


def _first(places: Sequence[str]) -> str:
    return places[0] if places else ""


def _iso(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
