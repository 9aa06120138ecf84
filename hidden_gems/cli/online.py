"""`gems online`: versions of what the learner knows, going back, and learning again without somebody."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.lift import lift
from hidden_gems.cli.options import AsJson, Places
from hidden_gems.cli.stack_state import last_stack, need_stack
from hidden_gems.core.errors import BadInputError, HiddenGemsError
from hidden_gems.core.home import gems_home
from hidden_gems.core.redis_access import RedisAccess

if TYPE_CHECKING:
    from hidden_gems.online.history import History, Replayed
    from hidden_gems.online.orders import Answer
    from hidden_gems.online.watched import Watched

online_app = typer.Typer(
    name="online",
    no_args_is_help=True,
    help="What the learner knows: versions, rollback, replay without somebody; what it earns over the release.",
)
online_app.command()(lift)
Journal = Annotated[
    Path | None, typer.Option("--journal", metavar="DIR", help="The learner's folder; by default the last stack's.")
]


@online_app.command()
@needs_extra("serve")
def versions(journal: Journal = None, as_json: AsJson = False) -> None:
    """Show the snapshots that are kept, and how far the journal has come since.

    Every version in between can be reached as well: the journal is learned again from the snapshot before it. Below
    stands what the watch said last of online against the release alone, and when the state went back to a good version.
    """
    from hidden_gems.online.watched import Watched

    folder = _learner(journal)
    history, watched = _history(folder), Watched.load(folder)
    held = [history.snapshot(version) for version in history.versions()]
    last = history.journal.last()
    rows = [
        {
            "version": each.state.version,
            "at": _iso(each.at),
            "gems": len(each.state.arms.index) - 1,
            "people_moved": len(each.moved),
        }
        for each in held
    ]
    newest = {"version": last.version, "at": _iso(last.at)} if last else None
    if as_json:
        watch = {"verdict": watched.comparison.verdict, "good": [asdict(each) for each in watched.good]}
        watch |= {"returns": [asdict(each) for each in watched.returns]}
        typer.echo(json.dumps({"snapshots": rows, "journal": newest, "watch": watch}))
        return
    table = Table("version", "at", "gems", "people moved since the one before")
    for row in rows:
        table.add_row(f"{row['version']:,}", str(row["at"]), f"{row['gems']:,}", f"{row['people_moved']:,}")
    console = Console()
    console.print(table)
    if newest:
        console.print(f"The journal goes to version {newest['version']:,}, {newest['at']}.")
    _show_watched(watched, console)


@online_app.command()
@needs_extra("serve")
def rollback(
    to: Annotated[int, typer.Option("--to", metavar="VERSION", help="See `gems online versions`; any between.")],
    as_json: AsJson = False,
) -> None:
    """Let the running learner go back to an earlier version, and on from there; answers follow within a second.

    What came after that version stays in the journal and in the history of events, but counts no more.
    """
    _show_answer(_ordered(back_to=to), as_json)


@online_app.command()
@needs_extra("serve")
def replay(
    until: Annotated[
        str, typer.Option("--until", metavar="T", help="ISO 8601, or epoch seconds; without a zone in UTC.")
    ] = "",
    without: Annotated[
        list[str] | None, typer.Option("--without", metavar="PERSON", help="Somebody who never was; may be repeated.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Let the running learner go on without these people.")] = False,
    journal: Journal = None,
    as_json: AsJson = False,
) -> None:
    """Learn the journal again from the oldest snapshot, and print the digest of what comes out.

    Equal digests are equal bits. Nothing is changed without --apply.

    Try: gems online replay; gems online replay --without u42 --without u43 --apply
    """
    from hidden_gems.core.ids import Pseudonyms

    people = [Pseudonyms.load(gems_home()).of(person) for person in without or ()]
    if apply:
        if not people or until:
            raise BadInputError("--apply needs --without and no --until; `gems online rollback` goes back in time")
        _show_answer(_ordered(without=people), as_json)
        return
    found = _history(_learner(journal)).replay(until=_moment(until) if until else None, without=people, oldest=True)
    _show_replayed(found, as_json)


def _ordered(back_to: int | None = None, without: list[str] | None = None) -> "Answer":
    from hidden_gems.core.kv import RedisKeyValue
    from hidden_gems.online.orders import order

    state = need_stack()
    return order(RedisKeyValue(RedisAccess.told(state.addresses["redis"])), back_to, without or ())


def _show_watched(watched: "Watched", console: Console) -> None:
    comparison = watched.comparison
    console.print(f"Online against the release alone: {comparison.verdict}.")
    if len(comparison.sides) > 1:
        said = ", ".join(f"{name} {side.reward:.4f}" for name, side in comparison.sides.items())
        console.print(f"Reward a slate at {_iso(comparison.at)}: {said}.")
    for each in watched.returns:
        console.print(
            f"{_iso(each.at)}: version {each.below:,} earned less than the release; back to what was known at version "
            f"{each.back_to:,}, as version {each.version:,}."
        )


def _learner(folder: Path | None) -> Path:
    if folder is not None:
        return folder
    state = last_stack()
    if state is None:
        raise HiddenGemsError(f"no stack of {gems_home()} ever ran; --journal names a learner's folder")
    return Places(Path(state.root)).learner


def _history(folder: Path) -> "History":
    from hidden_gems.online.history import History

    if not (folder / "snapshots").is_dir():
        raise BadInputError(f"{folder} is no learner's folder: it has no snapshots")
    return History(folder)


def _show_answer(answer: "Answer", as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"version": answer.version, "digest": answer.digest}))
        return
    typer.echo(f"The state is version {answer.version:,} now, digest {answer.digest}.")


def _show_replayed(found: "Replayed", as_json: bool) -> None:
    if as_json:
        about = {"version": found.state.version, "start": found.start, "entries": found.entries, "at": _iso(found.at)}
        typer.echo(json.dumps(about | {"digest": found.digest, "whole": found.whole}))
        return
    typer.echo(
        f"{found.entries:,} steps on the snapshot of version {found.start:,} lead to version "
        f"{found.state.version:,}, {_iso(found.at)}.\nDigest {found.digest}"
    )
    if not found.whole:
        typer.echo("NOTE: the journal began when people had factors already; those are not known to this replay.")


def _moment(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInputError(f"--until {text}: expected ISO 8601 or epoch seconds") from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
