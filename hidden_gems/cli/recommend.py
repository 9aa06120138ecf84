"""`gems recommend`: ask a running stack."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console
from rich.table import Table

from hidden_gems.cli.options import DEFAULT_TIMEZONE, AsJson, Timezone
from hidden_gems.cli.stack_state import StackState, need_stack
from hidden_gems.client import Client, Prediction, render
from hidden_gems.core.errors import BadInputError

TIMEOUT_SECONDS = 10.0


def recommend(
    user: Annotated[str, typer.Option("--user", metavar="U", help="Id of the person; someone unknown is new.")],
    limit: Annotated[int, typer.Option(min=1, max=50, help="Gems at most.")] = 10,
    at: Annotated[str, typer.Option(help="When: 20:00 of the stack's day, or ISO 8601.")] = "",
    weather: Annotated[str, typer.Option(help="clear, partly_cloudy, cloudy, fog, rain, storm, snow, wind.")] = "",
    temperature: Annotated[float | None, typer.Option(help="In °C.")] = None,
    mood: Annotated[str, typer.Option(help="calm, curious, adventurous, romantic, social, tired ...")] = "",
    companions: Annotated[str, typer.Option(help="solo, couple, family, friends.")] = "",
    near: Annotated[str, typer.Option(metavar="LAT,LON", help="Where the person is, in degrees.")] = "",
    types: Annotated[str, typer.Option("--type", help="Only these types, with commas between.")] = "",
    neighborhoods: Annotated[str, typer.Option("--neighborhood", help="Only these, with commas between.")] = "",
    max_price: Annotated[float | None, typer.Option(help="Highest price level, 0 to 4.")] = None,
    language: Annotated[str, typer.Option(help="en or tr.")] = "en",
    card: Annotated[bool, typer.Option("--card", help="The card that a backend shows instead of the table.")] = False,
    timezone: Timezone = DEFAULT_TIMEZONE,
    as_json: AsJson = False,
) -> None:
    """Ask the stack that runs for a person's gems and why it chose them.

    Try: gems recommend --user somebody --weather rain --at 20:00 --language tr
    """
    state = need_stack()
    context: dict[str, Any] = {
        "timestamp": moment(at, state.the_clock().now(), timezone) if at else None,
        "weather": weather or None,
        "temperature_c": temperature,
        "mood": mood or None,
        "companions": companions or None,
        "location": _location(near) if near else None,
        "language": _language(language),
    }
    filters: dict[str, Any] = {
        "types": _words(types),
        "neighborhoods": _words(neighborhoods),
        "max_price_level": max_price,
    }
    prediction = _ask(state, user, limit, _given(context), _given(filters))
    if as_json:
        typer.echo(json.dumps(prediction.model_dump(mode="json"), ensure_ascii=False))
    elif card:
        typer.echo(render(prediction, "tr" if language == "tr" else "en"))
    else:
        show(prediction, state, Console())


def moment(at: str, now: float, timezone: str) -> str:
    """ISO 8601 time of a clock time on the day of `now`, or of a time that is one already.

    Args:
        at: "20:00", or ISO 8601; without a zone it is read in `timezone`.
        now: Epoch seconds.
        timezone: IANA name.

    Raises:
        BadInputError: If it is neither, or there is no such zone.

    Examples:
        >>> moment("20:00", 1_777_910_400, "Europe/Istanbul")
        '2026-05-04T20:00:00+03:00'
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadInputError(
            f"--timezone {timezone}: there is no such zone; expected one like {DEFAULT_TIMEZONE}"
        ) from error
    try:
        if len(at) <= 5:
            hour, minute = (int(part) for part in at.split(":"))
            today = datetime.fromtimestamp(now, UTC).astimezone(zone)
            return today.replace(hour=hour, minute=minute, second=0, microsecond=0).isoformat()
        told = datetime.fromisoformat(at)
    except ValueError as error:
        raise BadInputError(
            f"--at {at}: expected a time like 20:00, or ISO 8601 like 2026-05-04T20:00+03:00"
        ) from error
    return (told if told.tzinfo else told.replace(tzinfo=zone)).isoformat()


def show(prediction: Prediction, state: StackState, console: Console) -> None:
    """The slate as a table with its reasons."""
    simulated = " (simulated)" if state.simulated else ""
    about = f"{state.dataset}{simulated} · release {prediction.release} · {prediction.policy}"
    console.print(f"{about} · slate {prediction.slate_id}", style="dim", markup=False, highlight=False)
    if prediction.degraded:
        console.print(f"degraded: {', '.join(prediction.degraded)} did not answer", style="yellow", highlight=False)
    table = Table("", "gem", "why", show_lines=True)
    for item in prediction.items:
        where = ", ".join(part for part in (item.type, item.neighborhood) if part)
        why = item.explanation
        shares = "  ".join(f"{each.label} {100 * each.importance:.0f} %" for each in why.top_features) if why else ""
        name = item.name or f"{item.type or 'place'} {item.item_id}"
        table.add_row(
            str(item.position + 1), f"{name}\n[dim]{where}[/dim]", f"{why.text if why else ''}\n[dim]{shares}[/dim]"
        )
    console.print(table)
    if prediction.short:
        console.print("Fewer gems than asked for fit.")


def _ask(state: StackState, user: str, limit: int, context: Any, filters: Any) -> Prediction:
    addresses = state.addresses
    with Client(addresses["transformer"], addresses["collector"], timeout_seconds=TIMEOUT_SECONDS) as client:
        return client.recommend(user, limit=limit, context=context, filters=filters or None, explain="full")


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _words(listed: str) -> list[str] | None:
    return [word.strip() for word in listed.split(",") if word.strip()] or None


def _language(language: str) -> str:
    if language not in ("en", "tr"):
        raise BadInputError(f"--language {language}: expected en or tr")
    return language


def _location(near: str) -> dict[str, float]:
    try:
        lat, lon = (float(part) for part in near.split(","))
    except ValueError as error:
        raise BadInputError(f"--near {near}: expected LAT,LON in degrees, as 41.03,28.95") from error
    return {"lat": lat, "lon": lon}
