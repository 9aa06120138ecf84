"""`gems why`: one gem through every stage of a slate that a running stack gave."""

import json
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hidden_gems.cli.options import AsJson
from hidden_gems.cli.recommend import TIMEOUT_SECONDS
from hidden_gems.cli.stack_state import need_stack
from hidden_gems.client import Client, Trace

RULES = {
    "ceiling": "it is at its ceiling: shown too often lately",
    "share": "the positions left are owed to rare gems or to neighborhoods below their floor",
}


def why(
    slate: Annotated[str, typer.Option("--slate", metavar="S", help="Id of the slate, as `gems recommend` prints it.")],
    item: Annotated[str, typer.Option("--item", metavar="I", help="Id of a gem, shown or not.")],
    as_json: AsJson = False,
) -> None:
    """Trace a gem through a slate of the last day: sources, filters, scores, draws, rules – or where it fell out.

    Try: gems recommend --user somebody, and with the slate it names: gems why --slate SLATE --item g12
    """
    state = need_stack()
    addresses = state.addresses
    with Client(addresses["transformer"], addresses["collector"], timeout_seconds=TIMEOUT_SECONDS) as client:
        trace = client.why(slate, item)
    if as_json:
        typer.echo(json.dumps(trace.model_dump(mode="json"), ensure_ascii=False))
        return
    console = Console(highlight=False)
    console.print(f"slate {trace.slate_id} · release {trace.release} · {trace.policy}", style="dim", markup=False)
    for line in stages(trace):
        console.print(line, markup=False)
    if trace.draws:
        console.print(_draws(trace))


def stages(trace: Trace) -> Iterator[str]:
    """A sentence for every stage that the gem reached."""
    if trace.stage == "filters":
        yield f"{trace.item_id} was out of the question by: {', '.join(trace.fails)}."
        return
    yield f"{trace.item_id} passed every filter."
    if trace.stage == "candidates":
        yield (
            f"No source named it among its best: {trace.candidates:,} of {trace.catalogue:,} gems became candidates, "
            "and it was none of them."
        )
        return
    sources = f"by {', '.join(trace.sources)}" if trace.sources else "by no source; the slate was filled up with it"
    yield f"It became one of {trace.candidates:,} candidates {sources}."
    yield (
        f"The ranker put it at {trace.score_rank:,} (score {trace.score:.3f}); with beliefs, wishes and business "
        f"weights it was at {trace.utility_rank:,} (expected reward {trace.expected_reward:.3f})."
    )
    if trace.stage == "draw":
        yield "It was not drawn for any position:" if trace.draws else "Others came before it."
        return
    because = f", changed by {', '.join(trace.constraints)}" if trace.constraints else ""
    yield f"It is shown at position {(trace.position or 0) + 1}{because}."


def _draws(trace: Trace) -> Table:
    table = Table("position", "shown", f"chance of {trace.item_id}", "because")
    for draw in trace.draws:
        rules = "; ".join(RULES.get(rule, rule) for rule in draw.kept_out_by) if not draw.probability else ""
        if draw.likeness_took > 0.0:
            rules = f"lost {draw.likeness_took:.2f} of utility: like one above"
        table.add_row(str(draw.position + 1), draw.item_id, f"{100 * draw.probability:.1f} %", rules)
    return table
