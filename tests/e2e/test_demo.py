"""`gems demo` as its user runs it: every chapter, one page, and nothing left running, however it ends."""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hidden_gems.cli.simulate import QUICK_PEOPLE
from hidden_gems.export import release as releases
from tests import factories
from tests.e2e.processes import end_all, living, wait_for

CHAPTERS = (
    "1  The data",
    "2  The training pipeline",
    "3  How good is it?",
    "4  Recommendations, with reasons",
    "5  How fast?",
    "6  It learns from the next click",
    "7  A gem opens, another one closes",
    "8  The page, and where to look next",
)
VOID = {"meta", "link", "br", "img", "input", "hr"}
COMMAND = [sys.executable, "-m", "hidden_gems.cli", "demo"]


@dataclass(frozen=True)
class Told:
    """What a demo left."""

    code: int
    output: str
    errors: str
    home: Path
    page: Path
    left: dict[int, str]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "GEMS_HOME": str(home), "OMP_NUM_THREADS": "1", "COLUMNS": "120"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    root = tmp_path_factory.mktemp("demo")
    home, page = root / "home", root / "page.html"
    command = [*COMMAND, "--quick", "--out", str(page)]
    ran = subprocess.run(command, env=environment(home), capture_output=True, text=True, timeout=1800, check=False)
    left = living(home)
    end_all(home)
    return Told(ran.returncode, ran.stdout, ran.stderr, home, page, left)


def test_the_demo_tells_every_chapter_in_both_languages(told: Told) -> None:
    assert told.code == 0, told.errors
    assert "Traceback" not in told.errors
    places = [told.output.index(chapter) for chapter in CHAPTERS]
    assert places == sorted(places)
    for words in (f"{QUICK_PEOPLE} simulated people", "(simulated)", "simulated data", "Somebody we know, in English"):
        assert words in told.output
    known, _, stranger = told.output.partition("Somebody new, in Turkish")
    assert any(words in known for words in ("you liked", "people with a taste like yours", "it was liked"))
    assert any(words in stranger for words in ("beğenildi", "henüz tanımadığımız", "uzakta"))
    for words in (
        r"200 requests of 200 people one after another over HTTP, .* p99 \d+\.\d ms on \d+ cores, (none|\d+) of them",
        r"sent: save on .",
        r"\d+ ms after the collector's answer the next answer knew it: \d+ of \d+ scores",
        r"made up by the demo\): served after \d+\.\d s, without a new release",
        r": gone after \d+\.\d s, without a new release",
    ):
        assert re.search(words, told.output.replace("\n", " ")), words
    assert told.output.rstrip().endswith("Nothing is left running.")


def test_nothing_that_the_demo_started_lives(told: Told) -> None:
    assert told.left == {}


def test_the_release_is_whole_and_judged(told: Told) -> None:
    [folder] = told.home.glob("data/quick-city-*/releases")
    [path] = [path for path in folder.iterdir() if path.is_dir()]
    about = releases.load(path)
    assert about.dataset.simulated
    assert len(about.decision["reasons"]) == 3
    stable = releases.pointed(folder)
    if about.decision["promote"]:
        assert stable == path
        assert "Gate: it may be promoted." in told.output
    else:
        assert stable is None
        assert "Gate: it may not be promoted." in told.output
        assert any(reason.endswith("not reached") for reason in about.decision["reasons"])
    assert str(path) in told.output


class _Page(HTMLParser):
    """Counts elements and remembers links; raises where a tag is closed that is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.count: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] += 1
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.classes[f"{tag}.{value}"] += name == "class"
            if name in ("src", "href", "action", "data", "srcset"):
                self.links.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> on line {self.getpos()[0]}"

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_needs_nothing_from_outside(told: Told) -> None:
    html = told.page.read_text(encoding="utf-8")
    page = _Page()
    page.feed(html)
    page.close()
    assert page.open == []
    assert "http://" not in html
    assert "https://" not in html
    assert page.links == []
    assert page.count["script"] == 0
    assert page.classes["svg.map"] == 3
    assert page.classes["path.land"] >= 6  # both shores on every map
    assert page.classes["g.pin"] == 30
    assert page.classes["span.number"] == 30
    assert "simulated data" in page.text
    assert "The people and what they did are simulated." in page.text
    assert 'lang="en"' in html
    assert 'lang="tr"' in html
    for words in (
        "Somebody we know", "Somebody new", "lambdamart", "popular", "Gate:", "register release",
        "It learns from the next click", "A gem opens, another one closes", "How fast?", "made up by the demo",
    ):  # fmt: skip
        assert words in page.text


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return factories.write_folder(
        tmp_path_factory.mktemp("data") / "small", interactions=factories.interactions(), items=factories.items()
    )


def test_nothing_lives_after_a_signal_in_the_middle(small: Path, tmp_path: Path) -> None:
    numbers = (signal.SIGINT, signal.SIGKILL)
    homes = {number: tmp_path / number.name for number in numbers}
    demos = {number: _start(small, homes[number]) for number in numbers}
    try:
        for number, demo in demos.items():
            home = homes[number]
            assert wait_for(lambda home=home: _working(home), 240), living(home)
            assert any("redis-server" in command for command in living(home).values())
            demo.send_signal(number)
            output, _ = demo.communicate(timeout=60)
            assert demo.returncode != 0
            assert "Traceback" not in output
            assert wait_for(lambda home=home: not living(home), 60), living(home)
            assert not (home / "page.html").exists()
    finally:
        for number, demo in demos.items():
            end_all(homes[number])
            demo.wait(15)


def _start(data: Path, home: Path) -> subprocess.Popen[str]:
    home.mkdir()
    command = [*COMMAND, "--data", str(data), "--out", str(home / "page.html")]
    return subprocess.Popen(command, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _working(home: Path) -> bool:
    """Whether a step of the pipeline runs: a process below `pipelines.run`."""
    commands = " ".join(living(home).values())
    return "pipelines.run" in commands and "executor_main" in commands
