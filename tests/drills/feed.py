"""The load: signed feedback of made-up people, sent until it is acknowledged, and what was acknowledged."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np

from hidden_gems.core.ids import Pseudonyms
from hidden_gems.events.tokens import Claim, Tokens
from tests.drills.bench import API_KEY, PSEUDONYM_KEY, TOKEN_KEY, Bench

KINDS = ("click", "save", "visit", "dismiss", "view")
PEOPLE = 200
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Said:
    """An answer of the collector."""

    status: int  # 0 where there was none
    seconds: float
    retry_after: bool


@dataclass
class Feed:
    """Events of one drill.

    Args:
        bench: Takes the acknowledgements.
        name: Makes its event ids its own.
    """

    bench: Bench
    name: str
    said: list[Said] = field(default_factory=list)
    sent: int = 0

    def __post_init__(self) -> None:
        self._random = np.random.default_rng([self.bench.seed, sum(map(ord, self.name))])
        self._tokens, self._names = Tokens([TOKEN_KEY.encode()]), Pseudonyms(PSEUDONYM_KEY.encode())

    def events(self, count: int) -> list[dict[str, Any]]:
        """Valid events, each about an impression of its own."""
        made = []
        for number in range(self.sent, self.sent + count):
            person = f"drill-{int(self._random.integers(PEOPLE))}"
            item = str(self.bench.items[int(self._random.integers(len(self.bench.items)))])
            slate, now = f"{self.name}-{self.bench.seed}-{number}", self.bench.at + 1.0
            token = self._tokens.sign(Claim(self._names.of(person), slate, item, 0, 0.1, now))
            made.append(
                {
                    "event_id": slate,
                    "user_id": person,
                    "item_id": item,
                    "event_type": KINDS[int(self._random.integers(len(KINDS)))],
                    "timestamp": now,
                    "slate_id": slate,
                    "position": 0,
                    "impression_token": token,
                }
            )
        self.sent += count
        return made

    def send(self, events: Sequence[dict[str, Any]], client: httpx.Client) -> bool:
        """Send a list once; whether it was acknowledged."""
        began = time.monotonic()
        try:
            answer = client.post("/v1/events", json=events)
        except httpx.HTTPError:
            self.said.append(Said(0, time.monotonic() - began, False))
            return False
        self.said.append(Said(answer.status_code, time.monotonic() - began, "retry-after" in answer.headers))
        if answer.status_code != httpx.codes.ACCEPTED:
            return False
        told = answer.json()
        if told["rejected"] or told["unsigned"]:
            raise AssertionError(f"valid events were not taken: {told}")
        self.bench.acknowledged.update(event["event_id"] for event in events)
        return True

    def client(self, timeout_seconds: float = 15.0) -> httpx.Client:
        """To the collector."""
        headers = {"Authorization": f"Bearer {API_KEY}"}
        return httpx.Client(base_url=self.bench.collector, headers=headers, timeout=timeout_seconds, trust_env=False)

    def insist(self, count: int, size: int = 100) -> None:
        """Send events by lists until all are acknowledged."""
        with self.client() as client:
            while count > 0:
                self._until(self.events(min(size, count)), client)
                count -= size

    def _until(self, events: Sequence[dict[str, Any]], client: httpx.Client) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.send(events, client):
            if time.monotonic() > deadline:
                raise AssertionError(f"nothing was acknowledged for {PATIENCE_SECONDS:.0f} s")
            time.sleep(PAUSE_SECONDS)

    @contextmanager
    def flowing(self, events_a_second: float, size: int = 10) -> Iterator[None]:
        """Send while the block runs, in a thread: a list at a time, each again until it is acknowledged."""
        done, failed = threading.Event(), []

        def flow() -> None:
            due = time.monotonic()
            try:
                with self.client() as client:
                    while not done.is_set():
                        self._until(self.events(size), client)
                        due += size / events_a_second
                        done.wait(max(0.0, due - time.monotonic()))
            except Exception as error:
                failed.append(error)

        thread = threading.Thread(target=flow, name="feed", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(PATIENCE_SECONDS)
        if failed:
            raise failed[0]

    def statuses(self) -> Counter[int]:
        """Answers by status; 0 is none."""
        return Counter(each.status for each in self.said)
