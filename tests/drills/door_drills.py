"""D01 to D04: the collector and its broker."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx

from hidden_gems.cli.stream import read_topic
from hidden_gems.events.records import Interaction
from hidden_gems.events.topics import INTERACTIONS
from tests.drills.bench import Bench
from tests.drills.feed import Feed
from tests.drills.report import Drill, Finding, quantile

READY_SECONDS, REFUSE_SECONDS, START_SECONDS = 3.0, 0.25, 2.0
HEALTH_SECONDS, BUFFER_EVENTS, BUFFER_MB = 0.1, 10_000, 16.0
CALLERS = 16
AWAY_SECONDS, FROZEN_SECONDS, RETURN_SECONDS = 5.0, 15.0, 2.0
LOST_REPLIES = 0.25


def killed_collector(bench: Bench, found: Finding) -> None:
    """`kill -9` of the collector, three times, while events come."""
    feed, random, ready = Feed(bench, "D01"), bench.random, []
    with feed.flowing(200.0):
        for _ in range(3):
            time.sleep(1.0 + random.random())
            bench.kill("collector")
            ready.append(bench.start("collector"))
        time.sleep(1.0)
    found.most("collector ready again", READY_SECONDS, max(ready))
    found.least("calls that were cut off", 1, feed.statuses()[0])
    bench.judge(found)


def killed_broker(bench: Bench, found: Finding) -> None:
    """`kill -9` of the broker, five seconds without it, and its return with the log it had."""
    feed = Feed(bench, "D02")
    feed.insist(500)
    bench.settle()
    with feed.flowing(100.0):
        time.sleep(1.0)
        before = len(feed.said)
        bench.kill("kafka")
        time.sleep(AWAY_SECONDS)
        refused = feed.said[before + 1 :]  # the first may have been under way for long
        bench.start("kafka")
        back, seen = time.monotonic(), len(bench.acknowledged)
        while len(bench.acknowledged) == seen and time.monotonic() < back + 20.0:
            time.sleep(0.02)
        returned = time.monotonic() - back
        time.sleep(2.0)
    found.least("calls while it was away", 1, len(refused))
    found.same("answers while it was away", {503}, {each.status for each in refused})
    found.same("of them without Retry-After", 0, sum(not each.retry_after for each in refused))
    found.most("longest refusal", REFUSE_SECONDS, max((each.seconds for each in refused), default=0.0))
    found.most("first acknowledgement after its return", RETURN_SECONDS, returned)
    bench.judge(found)


def frozen_broker(bench: Bench, found: Finding) -> None:
    """SIGSTOP of the broker for 15 s under load, and a collector that starts meanwhile."""
    feed, before = Feed(bench, "D03"), _resident_mb(bench)
    feed.insist(200)
    with bench.frozen("kafka"):
        health, waiting, grown = _pressed(bench, feed, before)
    found.work("health of the collector, p99", HEALTH_SECONDS, quantile(health, 0.99))
    found.least("events that wait", 1, waiting, "events")
    found.most("events that wait", BUFFER_EVENTS, waiting, "events")
    found.most("memory that it grew by", BUFFER_MB, grown, "MB")
    found.least("answers of 503", 1, feed.statuses()[503])
    found.same("other statuses", set(), set(feed.statuses()) - {202, 503})
    bench.end("kafka", "collector")
    began = time.monotonic()
    bench.supervisor.start("collector")
    found.work("start without a broker until it answers", START_SECONDS, _answers_after(bench, began))
    found.same("ready without a broker", 503, httpx.get(f"{bench.collector}/readyz", trust_env=False).status_code)
    bench.start("kafka")
    bench.supervisor.await_ready(["collector"])
    bench.judge(found)


_LOOKS = """
import json, sys, time, httpx
found, end = [], time.monotonic() + float(sys.argv[2])
with httpx.Client(trust_env=False, timeout=30.0) as client:
    while time.monotonic() < end:
        began = time.monotonic()
        client.get(sys.argv[1]).raise_for_status()
        found.append(time.monotonic() - began)
        time.sleep(0.02)
print(json.dumps(found))
"""
"""In a process of its own: among the threads that press, a look would wait for its turn in Python."""


def _pressed(bench: Bench, feed: Feed, before: float) -> tuple[list[float], float, float]:
    """Seconds of each health answer while 16 callers press for a while, most events that waited, and MB on top."""
    waiting, done = 0.0, threading.Event()

    def press(number: int) -> None:
        own = Feed(bench, f"D03-{number}")
        with own.client() as client:
            while not done.is_set():
                own.send(own.events(100), client)
        feed.said.extend(own.said)

    looks = [sys.executable, "-c", _LOOKS, f"{bench.collector}/healthz", str(FROZEN_SECONDS)]
    with ThreadPoolExecutor(CALLERS) as pool, subprocess.Popen(looks, stdout=subprocess.PIPE, text=True) as looking:
        pressing = [pool.submit(press, number) for number in range(CALLERS)]
        deadline = time.monotonic() + FROZEN_SECONDS
        while time.monotonic() < deadline:
            waiting = max(waiting, bench.metric("collector", "gems_collector_waiting_events"))
            time.sleep(0.2)
        grown = _resident_mb(bench) - before
        done.set()
        health, _ = looking.communicate()
    for each in pressing:
        each.result()
    return json.loads(health), waiting, grown


def lossy_broker(bench: Bench, found: Finding) -> None:
    """The proxy loses a quarter of what the broker replies."""
    feed = Feed(bench, "D04")
    feed.insist(20)
    bench.proxy.do(lose_replies=LOST_REPLIES)
    feed.insist(600, 10)
    harmed = bench.proxy.harmed
    bench.proxy.do()
    found.least("replies lost", 10, harmed)
    inside = Counter(Interaction.from_json(value).event_id for value in read_topic(bench.kafka, INTERACTIONS))
    own = {name: count for name, count in inside.items() if name.startswith("D04-")}
    found.same("acknowledged events that are not in the topic", 0, len(bench.acknowledged.keys() - inside.keys()))
    found.same("events twice in the topic", 0, sum(count > 1 for count in own.values()))
    bench.judge(found)


def _resident_mb(bench: Bench) -> float:
    with open(f"/proc/{bench.supervisor.pid('collector')}/status") as file:
        return next(float(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


def _answers_after(bench: Bench, began: float) -> float:
    while time.monotonic() - began < 30.0:
        try:
            httpx.get(f"{bench.collector}/healthz", trust_env=False, timeout=1.0)
        except httpx.HTTPError:
            time.sleep(0.02)
        else:
            break
    return time.monotonic() - began


MEMORY = (
    Drill("D01", "kill -9 collector, three times at 200 events/s", killed_collector, learns=True),
    Drill("D03", "SIGSTOP broker for 15 s; collector starts without a broker", frozen_broker, learns=True),
)
DURABLE = (Drill("D02", "kill -9 broker, back after 5 s", killed_broker, learns=True),)
PROXIED = (Drill("D04", "a quarter of the broker's replies is lost", lossy_broker, learns=True),)
