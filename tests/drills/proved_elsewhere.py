"""D31 and D34: a command and a proof that do the whole of it; the drill reads what they found."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from tests.drills.report import Drill, Finding

PEOPLE, DAYS, HISTORY_DAYS = "200", "6", "20"
"""One small city: what the figure of the record takes five large ones for."""
LIMIT_SECONDS = 900.0


@dataclass(frozen=True)
class Place:
    """Where a command may leave its files."""

    root: Path
    seed: int


def bots(place: Place, found: Finding) -> None:
    """Bots with forged clicks, then with real impressions, praise the gems that people like least."""
    city = ("--people", PEOPLE, "--days", DAYS, "--history", HISTORY_DAYS, "--seeds", "1")
    line = ("-m", "hidden_gems.cli", "online", "poisoning", *city, "--first-seed", str(place.seed), "--json")
    done = _run(line)
    if not done.stdout.startswith("{"):
        raise AssertionError(f"no report: {done.stderr[-500:]}")
    report = json.loads(done.stdout)
    for name, ratio in report["ratios"].items():
        found.most(f"exposure of the gems with {name} bots", report["promised"], ratio["value"], "x clean")
    same = [run["same_as_never_seen"] for run in report["runs"] if run["same_as_never_seen"] is not None]
    found.least("runs learned again without the bots", 1, len(same))
    found.same("of them other than never having seen them", 0, same.count(False))


def erased(place: Place, found: Finding) -> None:
    """A hundred people erased under load; topics replayed, an old snapshot put back."""
    report = place.root / "erasure.xml"
    done = _run(
        ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/proofs/test_erasure.py", f"--junitxml={report}")
    )
    if not report.exists():
        raise AssertionError(f"no report: {done.stdout[-500:]}")
    cases = ET.parse(report).findall(".//testcase")
    broken = [
        case.get("name", "") for case in cases if case.find("failure") is not None or case.find("error") is not None
    ]
    found.least("proofs", 2, len(cases))
    found.same("proofs that failed", [], broken)
    found.same("proofs left out", 0, sum(case.find("skipped") is not None for case in cases))


def _run(arguments: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)


DRILLS = (
    Drill("D31", "1 % bots with forged clicks, 5 % bots with real impressions", bots),
    Drill("D34", "100 people erased under load, then replay and an old snapshot", erased),
)
