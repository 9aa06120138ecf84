"""The tracker in a real browser, on a page of another origin, before a real collector.

Skipped where there is no chromium; the browser is asked for nothing but the page.
"""

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from hidden_gems.cli.processes import child, free_port, kafka_broker, redis_server
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.events.tokens import Claim, Tokens
from hidden_gems.streaming.kafka import create_topics

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the PATH")
KEYS = "ingest:page-key,backend:server-key"


@dataclass
class Site:
    """Pages of one origin, and the collector that their tracker talks to."""

    collector: str
    origin: str
    pages: dict[str, str]
    folder: Path

    def page(self, body: str, user: str, before: str = "") -> None:
        """The only page: the tracker, a body, and scripts that run before the tracker."""
        tracker = (
            f'<script src="{self.collector}/v1/tracker.js" data-gems-key="page-key" data-gems-user="{user}" defer>'
        )
        self.pages["/"] = f"<!doctype html><script>{before}</script>{tracker}</script>{body}"

    def visit(self) -> None:
        """Open the page in a browser until it goes elsewhere, or 8 s have passed."""
        command = [
            str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--disable-background-networking", "--no-first-run", f"--user-data-dir={self.folder / 'profile'}",
            "--remote-debugging-port=0", "--window-size=800,600", f"{self.origin}/",
        ]  # fmt: skip
        with (self.folder / "chromium.log").open("a") as log, child(command, log, stop_seconds=2):
            end = time.monotonic() + 60
            while "/done" not in self.seen and time.monotonic() < end:
                time.sleep(0.1)
            time.sleep(1.0)

    def events(self, user: str, at_least: int = 0) -> list[dict[str, Any]]:
        """What the collector knows of a person, oldest first, once there is so much."""
        end = time.monotonic() + 15
        while True:
            answer = httpx.get(
                f"{self.collector}/v1/users/{user}/events", headers={"Authorization": "Bearer server-key"}, timeout=5
            )
            found: list[dict[str, Any]] = answer.json()["events"][::-1]
            if len(found) >= at_least or time.monotonic() > end:
                return found
            time.sleep(0.2)

    @property
    def seen(self) -> list[str]:
        """Paths that the browser asked this origin for."""
        return self._seen

    def __post_init__(self) -> None:
        self._seen: list[str] = []


@contextmanager
def _pages(pages: dict[str, str], seen: list[str]) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path.partition("?")[0])
            text = pages.get(seen[-1], "gone").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    pages: dict[str, str] = {}
    seen: list[str] = []
    port = free_port()
    with (
        redis_server(tmp_path / "redis") as redis,
        kafka_broker(tmp_path / "kafka") as kafka,
        _pages(pages, seen) as page_port,
    ):
        create_topics(kafka)
        told = {
            "GEMS_HOME": str(tmp_path / "home"), "GEMS_PORT": str(port), "GEMS_KAFKA": kafka, "GEMS_REDIS": redis,
            "GEMS_API_KEYS": KEYS, "GEMS_CORS_ORIGINS": f"http://127.0.0.1:{page_port}",
            "GEMS_PSEUDONYM_KEY": "test", "GEMS_TOKEN_KEYS": "token",
        }  # fmt: skip
        with (tmp_path / "log").open("w") as log, child([sys.executable, "-m", "inference.collector"], log, told):
            made = Site(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{page_port}", pages, tmp_path)
            made._seen = seen
            _until_ready(made.collector)
            yield made


def _until_ready(url: str) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < end, "the collector did not start in time"
        time.sleep(0.1)


def _gem(user: str, gem: str, position: int, style: str, more: str = "") -> str:
    token = Tokens([b"token"]).sign(Claim(Pseudonyms(b"test").of(user), "s1", gem, position, 0.25, time.time()))
    about = f'data-gems-item="{gem}" data-gems-slate="s1" data-gems-position="{position}" data-gems-token="{token}"'
    return f'<article {about} {more} style="{style}"><b>{gem}</b></article>'


CLICK = "document.querySelector('b').click();"


def _loaded(act: str, leave_after_ms: int = 1_500) -> str:
    """Script that acts once the page is there, and leaves it some time later."""
    leave = f"setTimeout(() => location.href = '/done', {leave_after_ms});"
    return f"<script>addEventListener('load', () => {{ {act} {leave} }});</script>"


def test_a_list_tells_clicks_and_what_was_seen(site: Site) -> None:
    cards = "".join(_gem("u1", f"g{place}", place, "height: 250px") for place in range(5))  # two fit the window
    act = _loaded(f"setTimeout(() => {{ {CLICK} }}, 500);")
    site.page(cards + act, "u1")
    site.visit()
    click, shown = sorted(site.events("u1", 2), key=lambda event: event["event_type"])
    assert (click["event_type"], click["item_id"], click["position"], click["slate_id"]) == ("click", "g0", 0, "s1")
    assert click["signed"]
    assert shown["event_type"] == "shown"
    assert shown["items"][:2] == ["g0", "g1"]
    assert "g4" not in shown["items"]


def test_a_page_of_a_gem_tells_how_long_and_how_far(site: Site) -> None:
    page = _gem("u2", "g7", 0, "height: 3000px", "data-gems-page")
    act = _loaded("setTimeout(() => scrollTo(0, 900), 500);")
    site.page(page + act, "u2")
    site.visit()
    told = {event["event_type"]: event for event in site.events("u2", 2)}
    assert set(told) == {"dwell", "view"}
    assert 1.0 < told["dwell"]["value"] < 30
    assert 0.3 < told["view"]["value"] < 0.7
    assert told["dwell"]["item_id"] == "g7"


@pytest.mark.parametrize("signal", ["doNotTrack', {get: () => '1'}", "globalPrivacyControl', {get: () => true}"])
def test_who_does_not_want_it_is_not_followed(site: Site, signal: str) -> None:
    act = _loaded(CLICK)
    site.page(_gem("u3", "g1", 0, "height: 100px") + act, "u3", f"Object.defineProperty(navigator, '{signal});")
    site.visit()
    assert "/done" in site.seen
    assert site.events("u3") == []


def test_a_batch_that_failed_comes_again_with_the_same_ids(site: Site) -> None:
    """The first call of the page is lost on its way after the collector has taken it: only the answer fails."""
    lose = (
        "const real = fetch; let lost = 0; window.fetch = (...given) => real(...given).then((answer) => {"
        " if (!lost++) throw new TypeError('lost'); return answer; });"
    )
    act = _loaded(CLICK, 9_000)
    site.page(_gem("u4", "g1", 0, "height: 100px") + act, "u4", lose)
    site.visit()
    assert [event["event_type"] for event in site.events("u4", 1)].count("click") == 1
    counted = httpx.get(f"{site.collector}/metrics").text
    assert 'gems_collector_events_total{outcome="duplicates"} 1.0' in counted


def test_nothing_is_thrown_into_the_page(site: Site) -> None:
    """A page that breaks what the tracker needs; a tracker that threw would make it ask for `/thrown`."""
    breaks = (
        "for (const name of ['error', 'unhandledrejection']) addEventListener(name, () => fetch('/thrown'));"
        "JSON.stringify = () => { throw new Error('mine'); };"
    )
    site.page(_gem("u5", "g1", 0, "height: 100px") + _loaded(CLICK), "u5", breaks)
    site.visit()
    assert "/done" in site.seen
    assert "/thrown" not in site.seen
    assert site.events("u5") == []
