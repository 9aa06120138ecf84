"""Run the fault drills: `python -m tests.drills [--only D05,D06] [--seed N] [--out FILE]`."""

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.drills import door_drills, learner_drills, proved_elsewhere, serving_drills, snapshot_drills
from tests.drills.bench import bench
from tests.drills.report import Drill, Finding

SEND_SECONDS = "10"
"""How long the collector waits for an acknowledgement where replies get lost: the client needs time to ask again."""


@dataclass(frozen=True)
class Group:
    """Drills that share one warm stack, in this order."""

    open: Callable[[Path, int], AbstractContextManager[Any]]
    drills: Sequence[Drill]


@contextmanager
def _whole_stack(root: Path, seed: int) -> Iterator[Any]:
    """Every process, on the releases of a small simulated city."""
    from tests.stacks import whole_stack

    with whole_stack(root) as stack:
        yield stack


GROUPS = (
    Group(lambda root, seed: bench(root, seed), (*door_drills.MEMORY, *learner_drills.DRILLS, *snapshot_drills.DRILLS)),
    Group(lambda root, seed: bench(root, seed, durable=True), door_drills.DURABLE),
    Group(
        lambda root, seed: bench(root, seed, proxied=True, GEMS_SEND_TIMEOUT_SECONDS=SEND_SECONDS),
        (*door_drills.PROXIED, *learner_drills.PROXIED),
    ),
    Group(_whole_stack, serving_drills.DRILLS),
    Group(lambda root, seed: nullcontext(proved_elsewhere.Place(root, seed)), proved_elsewhere.DRILLS),
)


def main() -> int:
    """Run them, print a table, write the report; 1 if a promise is broken."""
    names = sorted(drill.name for group in GROUPS for drill in group.drills)
    parser = argparse.ArgumentParser(prog="python -m tests.drills", description=__doc__)
    parser.add_argument("--only", default="", help=f"some of {','.join(names)}")
    parser.add_argument("--seed", type=int, default=0, help="of the load, the moments and what is lost")
    parser.add_argument("--out", type=Path, default=Path(".gems/drills.json"), help="the report, as JSON")
    asked = parser.parse_args()
    only = set(asked.only.split(",")) if asked.only else set(names)
    if unknown := only - set(names):
        parser.error(f"there is no drill {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    logging.basicConfig(level=logging.CRITICAL)  # what the drills make go wrong in this process is no news
    console, began, findings = Console(), time.monotonic(), []
    for group in GROUPS:
        chosen = [drill for drill in group.drills if drill.name in only]
        if chosen:
            findings += _run(group, chosen, asked.seed, console)
    findings.sort(key=lambda found: found.drill)
    report = {
        "seed": asked.seed,
        "kept": all(found.kept for found in findings),
        "seconds": round(time.monotonic() - began, 1),
        "drills": [found.to_dict() for found in findings],
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _show(findings, console)
    console.print(f"{len(findings)} drills in {report['seconds']:.0f} s, seed {asked.seed}; report: {asked.out}")
    return 0 if report["kept"] else 1


def _run(group: Group, drills: Sequence[Drill], seed: int, console: Console) -> list[Finding]:
    found: list[Finding] = []
    with TemporaryDirectory() as folder:
        try:
            with group.open(Path(folder), seed) as stack:
                for drill in drills:
                    console.print(f"{drill.name}: {drill.injected} (seed {seed})")
                    found.append(drill(stack, seed))
                    _tell(found[-1], console)
        except Exception as error:
            missing = drills[len(found) :]
            said = f"the stack did not hold: {type(error).__name__}: {error}"
            found += [Finding(drill.name, drill.injected, seed, error=said) for drill in missing]
    return found


def _tell(found: Finding, console: Console) -> None:
    for each in found.measures:
        if not each.kept:
            console.print(f"  {each.promise}: {each.found}, wanted {each.wanted}")
    if found.error:
        console.print(f"  {found.error}")
    console.print(f"  {'kept' if found.kept else 'BROKEN'} in {found.seconds} s, load {found.load}")


def _show(findings: Sequence[Finding], console: Console) -> None:
    table = Table("", "drill", "promise", "wanted", "found", title="Fault drills (simulated load)")
    for each in findings:
        for measure in each.measures:
            table.add_row("✓" if measure.kept else "✗", each.drill, measure.promise, measure.wanted, measure.found)
        if each.error:
            table.add_row("✗", each.drill, "it runs to its end", "", each.error)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
