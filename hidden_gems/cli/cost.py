"""`gems cost`: what an environment costs, before it is applied."""

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hidden_gems.cli.options import AsJson

if TYPE_CHECKING:
    from hidden_gems.cli.estimate import Item, Prices, Settings


class Environments(StrEnum):
    """Environments of `terraform/environments` that hold more than the state."""

    STAGING = "staging"
    PRODUCTION = "production"


def cost(
    environment: Annotated[Environments, typer.Option("--environment", "--env", help="Which environment.")],
    terraform: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Its folder.", show_default="terraform/environments/ENVIRONMENT"),
    ] = None,
    requests_per_second: Annotated[
        float, typer.Option(min=0.001, help="Slates asked for, on average over the month: an assumption of yours.")
    ] = 20.0,
    as_json: AsJson = False,
) -> None:
    """Estimate a month on AWS by part, beside the budget, and what 1,000 recommendations cost.

    Sizes are those that Terraform applies (terraform.tfvars.json), usage is assumed (usage.toml beside it), prices are
    dated list prices. That the sizes carry the traffic is not claimed here: `make latency` and `make load` measure.
    """
    from hidden_gems.cli.estimate import items, read_environment, read_prices  # models of pydantic take a while

    applied, usage = read_environment(terraform or Path("terraform/environments") / environment.value)
    prices = read_prices(applied.region)
    lines = items(applied, usage, prices)
    found = summary(lines, applied.settings, prices, requests_per_second)
    if as_json:
        typer.echo(
            json.dumps({"environment": environment.value, **found, "items": [asdict(line) for line in lines]}, indent=2)
        )
        return
    console = Console()
    console.print(_table(environment, lines, found))
    typer.echo(_words(found, prices))


def summary(lines: "list[Item]", settings: "Settings", prices: "Prices", requests_per_second: float) -> dict[str, Any]:
    """Sums of a bill.

    Args:
        lines: The bill of a month.
        settings: With the budget in USD a month.
        prices: Their date and source are repeated.
        requests_per_second: Slates asked for, on average.

    Returns:
        USD a month by part and in all beside the budget, USD an hour from the moment of apply, and USD for 1,000
        slates of the traffic given: of the part `serving` alone and of everything.
    """
    parts = {part: sum(line.usd for line in lines if line.part == part) for part in settings.budget_usd}
    thousands = requests_per_second * 3_600 * prices.hours_a_month / 1_000
    total = sum(parts.values())
    return {
        "region": prices.region,
        "prices": {"dated": prices.dated.isoformat(), "source": prices.source},
        "parts": {part: {"usd": usd, "budget_usd": settings.budget_usd[part]} for part, usd in parts.items()},
        "total_usd": total,
        "budget_usd": sum(settings.budget_usd.values()),
        "hourly_usd": sum(line.usd for line in lines if line.runs) / prices.hours_a_month,
        "requests_per_second": requests_per_second,
        "usd_per_1000": {"serving": parts["serving"] / thousands, "all": total / thousands},
    }


def _table(environment: Environments, lines: "list[Item]", found: dict[str, Any]) -> Table:
    table = Table("part", "what", title=f"{environment.value} in {found['region']}, a month", title_justify="left")
    for name in ("quantity", "USD", "budget"):
        table.add_column(name, justify="right")
    for part, sums in found["parts"].items():
        for line in (line for line in lines if line.part == part):
            table.add_row(part, line.what, f"{line.quantity:,.0f} {line.unit}", f"{line.usd:,.2f}", "")
        table.add_row(
            part, "together", "", f"{sums['usd']:,.0f}", f"{sums['budget_usd']:,.0f}", style="bold", end_section=True
        )
    table.add_row("all", "", "", f"{found['total_usd']:,.0f}", f"{found['budget_usd']:,.0f}", style="bold")
    return table


def _words(found: dict[str, Any], prices: "Prices") -> str:
    over = [part for part, sums in found["parts"].items() if sums["usd"] > sums["budget_usd"]]
    thousand = found["usd_per_1000"]
    return "\n".join(
        [
            f"From the moment of apply, used or not: {found['hourly_usd']:.2f} USD an hour.",
            f"1,000 recommendations at {found['requests_per_second']:g} requests a second (assumed): "
            f"{thousand['serving']:.4f} USD of serving, {thousand['all']:.4f} USD of everything.",
            f"Over its budget: {', '.join(over)}." if over else "Every part is within its budget.",
            f"List prices of {prices.dated} ({prices.source}), usage assumed in usage.toml: check before you apply.",
        ]
    )
