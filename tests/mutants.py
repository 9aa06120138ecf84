"""Small changes of the library, each in a copy of the tree: do the unit and conformance tests notice?

A change is one token of one line, drawn by a seed from all places of the library (`mutable_sites`). The tests run once
under coverage, which says which of them touch which statement; those run against each change, and stop at the first
that fails. A change that no test touches, or that all of them let pass, has survived.

Not mutmut 3: it changes neither constants, tables and defaults of dataclasses nor decorated functions, and these hold
the numbers that make this recommender what it is.
"""

import argparse
import difflib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

from coverage import CoverageData

from tests.mutable_sites import Site, sites_of

ROOT = Path(__file__).parents[1]
TESTS = ("tests/unit", "tests/conformance")
ENOUGH = 0.9

_COMMANDS = "read options, call the library, print: the integration and e2e tests run them as commands"
_STEPS = "read and write the folders of a pipeline step around calls of the library: tests/integration/test_chain.py"
_STORE = "Feast on a real Redis, registry and offline files: tests/integration/test_feast.py"
_TRITON = "installs and starts the real Triton: tests/integration/test_triton.py"
EXCLUDED: dict[str, tuple[str, ...]] = {
    _COMMANDS: ("cli/__main__", "cli/demo", "cli/judge", "cli/pipelines", "cli/simulate", "cli/train", "cli/up"),
    _STEPS: ("steps/judging", "steps/learning", "steps/packing"),
    _STORE: ("features/feast_store",),
    _TRITON: ("cli/triton", "cli/triton_backend"),
}
"""Why unit tests by design do not reach a file, and which files."""


@dataclass(frozen=True)
class Mutant:
    """One changed file; paths are relative to the root."""

    path: str
    site: Site
    text: str

    def diff(self) -> str:
        rows = difflib.unified_diff((ROOT / self.path).read_text().splitlines(), self.text.splitlines(), n=0)
        return "\n".join(row for row in rows if not row.startswith(("---", "+++", "@@")))


def draw(seed: int, count: int) -> list[Mutant]:
    """Mutants drawn from all sites alike, without those that are no Python; a change elsewhere draws no others."""
    excluded = {f"hidden_gems/{name}.py" for names in EXCLUDED.values() for name in names}
    every: list[tuple[bytes, Mutant]] = []
    for file in sorted((ROOT / "hidden_gems").rglob("*.py")):
        path, source = file.relative_to(ROOT).as_posix(), file.read_text()
        if path in excluded:
            continue
        twins: Counter[str] = Counter()
        for site in sites_of(source):
            name = f"{path} {site.in_words(source)}"
            twins[name] += 1
            lot = hashlib.sha256(f"{seed} {name} {twins[name]}".encode()).digest()
            every.append((lot, Mutant(path, site, site.mutate(source))))
    every.sort(key=lambda drawn: drawn[0])
    return list(islice((mutant for _, mutant in every if _compiles(mutant)), count))


def _compiles(mutant: Mutant) -> bool:
    try:
        compile(mutant.text, mutant.path, "exec")
    except SyntaxError:
        return False
    return True


def copy_tree(to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    return Path(shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns(".*", "__pycache__", "build", "dist")))


def run_tests(tree: Path, *arguments: str, limit_seconds: float | None = None) -> bool:
    """Whether pytest passes in a tree; tests that take too long have not."""
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--hypothesis-seed=0", *arguments]
    with (tree / "pytest.log").open("w") as log:
        try:
            done = subprocess.run(
                command, cwd=tree, env=environment, stdout=log, stderr=log, timeout=limit_seconds, check=False
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


class Laboratory:
    """Trees in which one mutant at a time is tried, as many as there are jobs."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self.folder, self.jobs = folder, jobs
        self._lines, self._breadth = self._coverage()
        self._limit_seconds = 60 + 2 * float((folder / "seconds").read_text())
        self._trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            self._trees.put(copy_tree(folder / f"tree-{os.getpid()}-{number}"))

    def close(self) -> None:
        """Remove the trees; what coverage found stays for the next run."""
        while not self._trees.empty():
            shutil.rmtree(self._trees.get())

    def kills(self, mutant: Mutant) -> tuple[bool, float]:
        """Whether a test notices, and the seconds it took."""
        tree, start = self._trees.get(), time.monotonic()
        file = tree / mutant.path
        original = file.read_text()
        try:
            file.write_text(mutant.text)
            killed = not all(run_tests(tree, *names, limit_seconds=self._limit_seconds) for names in self._of(mutant))
        finally:
            file.write_text(original)
            self._trees.put(tree)
        return killed, time.monotonic() - start

    def _of(self, mutant: Mutant) -> Iterator[list[str]]:
        """Tests that touch the statement, those of its room first, then the rest of their folders.

        What a fixture or a cache makes once counts for the test that asked first, so its neighbours run too. What runs
        at import is touched by no test; its room comes first, then all tests.
        """
        first, last = mutant.site.lines
        lines = self._lines.get(mutant.path, {})
        touching = {name.rpartition("|")[0] for line in range(first, last + 1) for name in lines.get(line, ())} - {""}
        room = f"tests/unit/{Path(mutant.path).parts[1]}"
        own = {name for name in touching if name.startswith(f"{room}/")}
        for names in (own, touching - own):
            if names:
                yield sorted(names, key=self._breadth.__getitem__)
        if mutant.site.at_import:
            yield from ([room], list(TESTS)) if (ROOT / room).is_dir() else (list(TESTS),)
        elif touching:
            yield sorted({name.partition("::")[0].rpartition("/")[0] for name in touching})

    def _coverage(self) -> tuple[dict[str, dict[int, list[str]]], Counter[str]]:
        """Tests that touch each line of each file, and lines that each test touches; made once per state."""
        tree, data, seconds = self.folder / "covered", self.folder / "coverage", self.folder / "seconds"
        if not seconds.exists():
            print("which test touches which line ...", flush=True)
            start = time.monotonic()
            os.environ["COVERAGE_FILE"] = str(data)
            options = ["-n", str(self.jobs), "--cov=hidden_gems", "--cov-context=test", "--cov-report="]
            if not run_tests(copy_tree(tree), *options, *TESTS):
                sys.exit(f"the tests fail before anything is changed; see {tree / 'pytest.log'}")
            seconds.write_text(str(self.jobs * (time.monotonic() - start)))
        known = CoverageData(str(data))
        known.read()
        files = {Path(file).relative_to(tree).as_posix(): file for file in known.measured_files()}
        lines = {path: known.contexts_by_lineno(file) for path, file in files.items()}
        breadth = Counter(
            name.rpartition("|")[0] for file in lines.values() for names in file.values() for name in names
        )
        return lines, breadth


def state_of_the_code() -> str:
    """Digest of the library and its tests."""
    digest = hashlib.sha256()
    for file in sorted(file for room in ("hidden_gems", "tests") for file in (ROOT / room).rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def main() -> None:
    parser = argparse.ArgumentParser(description="Change the library in small ways; do the tests notice?")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    mutants = draw(options.seed, options.count)
    laboratory = Laboratory(Path(tempfile.gettempdir()) / f"hidden-gems-mutants-{state_of_the_code()}", options.jobs)
    survivors: list[Mutant] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for number, (mutant, (killed, seconds)) in enumerate(
            zip(mutants, pool.map(laboratory.kills, mutants), strict=True), 1
        ):
            verdict = "killed" if killed else "SURVIVED"
            print(f"{number:3} {verdict:8} {seconds:6.1f} s  {mutant.path}:{mutant.site.line}", flush=True)
            if not killed:
                survivors.append(mutant)
    laboratory.close()
    for mutant in survivors:
        print(f"\nsurvived: {mutant.path}:{mutant.site.line}\n{mutant.diff()}")
    killed_count = len(mutants) - len(survivors)
    share = killed_count / len(mutants)
    print(f"\n{killed_count} of {len(mutants)} killed ({share:.0%})")
    sys.exit(0 if share >= ENOUGH else 1)


if __name__ == "__main__":
    main()
