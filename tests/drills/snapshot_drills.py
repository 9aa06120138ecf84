"""D08 and D09: snapshots that are torn by a death or damaged on the disk."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from hidden_gems.cli.processes import end, spawn
from hidden_gems.core.names import ONLINE_STATE, ONLINE_VERSION, factors
from hidden_gems.online.history import History
from hidden_gems.online.state import follow
from tests.drills.bench import Bench
from tests.drills.feed import Feed
from tests.drills.report import Drill, Finding
from tests.drills.snapshot_child import Life

KILLS = 20
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut by 7 bytes": lambda content: content[:-7],
    "one byte flipped": lambda content: content[:-200] + bytes([content[-200] ^ 1]) + content[-199:],
    "empty": lambda content: b"",
    "of another schema": lambda content: content.replace(b"gems-snapshot-1", b"gems-snapshot-9"),
}


def killed_while_writing(bench: Bench, found: Finding) -> None:
    """`kill -9` of a process that writes journal and snapshots without a pause, at random moments."""
    random, wrong, lost, lives = bench.random, 0, 0, 0
    with tempfile.TemporaryDirectory(dir=bench.root) as name:
        folder, known = Path(name) / "learner", 0
        for _ in range(KILLS):
            said = _life_of(folder, bench.seed, 0.02 + 0.3 * float(random.random()))
            lives += bool(said)
            version = int(said[-1].split()[0]) if said else known
            again = Life(folder, History(folder).journal.newest_generation() + 1)
            reached = again.learning.state.version
            lost += reached < version
            wrong += again.digest != _clean(Path(name) / "clean", bench.seed, reached).digest
            known = reached
        leftovers = len(list((folder / "snapshots").glob(".*")))
    found.least("lives that wrote something", KILLS / 2, lives)
    found.least("versions", KILLS, known)
    found.same("starts that had lost a finished step", 0, lost)
    found.same("starts with another state than that of an unbroken life", 0, wrong)
    found.same("torn files left behind", 0, leftovers)


def _life_of(folder: Path, seed: int, seconds: float) -> list[str]:
    """What a child said that was killed so long after its first step; whole lines only."""
    command = [sys.executable, "-m", "tests.drills.snapshot_child", str(folder), str(seed)]
    process = spawn(command, subprocess.PIPE)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:  # its log comes the same way
        lines.append(line)
        if line[0].isdigit():
            break
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    lines += process.stdout.read().splitlines(keepends=True)
    end([process])
    process.stdout.close()
    return [line for line in lines if line.endswith("\n") and line[0].isdigit()]


def _clean(folder: Path, seed: int, version: int) -> Life:
    """An unbroken life up to a version, that goes on from call to call."""
    life = Life(folder)
    while life.learning.state.version < version:
        life.learn(seed)
    return life


def damaged_snapshots(bench: Bench, found: Finding) -> None:
    """The newest snapshot damaged in four ways while the store has lost its state; then all of them."""
    feed = Feed(bench, "D09")
    for how, damage in DAMAGES.items():
        bench.start("learner")
        feed.insist(200)
        bench.settle()
        bench.end("learner")
        before = bench.digests()[0]
        newest = _snapshots(bench)[-1]
        newest.write_bytes(damage(newest.read_bytes()))
        bench.keys.delete([ONLINE_STATE, ONLINE_VERSION])
        bench.start("learner")
        found.same(f"newest {how}: state from the one before and the journal", before, _state(bench))
        found.least(f"newest {how}: metric", 1, bench.metric("learner", "gems_learner_damaged_snapshots"))
        bench.end("learner")
    bench.judge(found)
    for path in _snapshots(bench):
        path.write_bytes(b"")
    people = {told.user_id for entry in bench.history.journal.entries() for told in entry.told}
    bench.keys.delete([ONLINE_STATE, ONLINE_VERSION, *map(factors, people)])
    said = bench.log("learner").count("ERROR")
    bench.start("learner")
    _state(bench)
    state = follow(bench.keys, None)
    found.same(
        "all damaged: it starts with the priors", 0.0, float(state.arms.arrays()["learned"].sum()) if state else -1
    )
    found.least("all damaged: lines of ERROR in its log", 1, bench.log("learner").count("ERROR") - said)
    found.least("all damaged: metric", 2, bench.metric("learner", "gems_learner_damaged_snapshots"))
    bench.acknowledged.clear()  # the journal begins anew
    feed.insist(100)
    bench.judge(found)
    bench.end("learner")


def _state(bench: Bench) -> str:
    """Digest of the live state once the learner reads."""
    bench.await_reading("learner")
    return bench.digests()[0]


def _snapshots(bench: Bench) -> list[Path]:
    return sorted((bench.root / "journal" / "snapshots").glob("*.npz"))


DRILLS = (
    Drill("D08", f"{KILLS} kill -9 in the middle of snapshots", killed_while_writing),
    Drill("D09", "damaged snapshots: cut, flipped, empty, foreign, all", damaged_snapshots),
)
