"""D05, D06 and D10: the learner stopped, killed, and with nowhere to bury."""

import time
from collections.abc import Callable
from functools import partial

from hidden_gems.events.topics import DEAD_LETTERS, INTERACTIONS
from hidden_gems.streaming.broker import Message
from hidden_gems.streaming.dead_letters import KEPT_BYTES
from hidden_gems.streaming.kafka import MAX_POLL_MS, KafkaProducer
from tests.drills.bench import BATCH, LEARNERS, Bench
from tests.drills.feed import Feed
from tests.drills.report import Drill, Finding

KILLS, CATCH_UP_EVENTS, CATCH_UP_SECONDS = 20, 10_000, 5.0
APPLIED = 'gems_learner_messages_total{outcome="applied"}'
TAKE_OVER_SECONDS = 30.0
LONG = 900_000
"""Characters of a message whose letter, kept whole, no broker would take."""
FROZEN_SECONDS = MAX_POLL_MS / 1_000 + 4.0


def zombie(bench: Bench, found: Finding) -> None:
    """SIGSTOP of the active of two learners past the poll interval, then SIGCONT; twice, so that each is it once."""
    bench.start(*LEARNERS)
    feed, random, takeovers, again = Feed(bench, "D05"), bench.random, [], []
    feed.insist(300)
    bench.settle()
    with feed.flowing(200.0):
        for _ in range(2):
            active, standby = _roles(bench)
            time.sleep(float(random.random()))
            repeated = bench.metric(standby, 'gems_learner_messages_total{outcome="repeated"}')
            pid, began = bench.supervisor.pid(active), time.monotonic()
            with bench.frozen(active):
                _await(lambda: bench.metric(standby, "gems_ready") == 1.0)  # noqa: B023
                takeovers.append(time.monotonic() - began)
                time.sleep(max(0.0, began + FROZEN_SECONDS - time.monotonic()))
            _await(lambda: bench.metric(active, "gems_learner_active") == 0.0)  # noqa: B023
            time.sleep(2.0)
            again.append(bench.metric(standby, 'gems_learner_messages_total{outcome="repeated"}') - repeated)
            found.same("process of the zombie lives", pid, bench.supervisor.pid(active))
            found.least("times it was refused and stood down", 1, bench.log(active).count("has taken over"))
            found.same("tracebacks in its log", 0, bench.log(active).count("Traceback"))
    found.most("takeover", TAKE_OVER_SECONDS, max(takeovers))
    found.most("events taken again by the successor", BATCH, max(again), "events")
    bench.judge(found)
    bench.end(*LEARNERS)


def killed_learner(bench: Bench, found: Finding) -> None:
    """`kill -9` of whichever learner is active, at random moments under load; then 10,000 events wait for one."""
    feed, random, versions = Feed(bench, "D06"), bench.random, []
    bench.start(*LEARNERS)
    with feed.flowing(300.0):
        for _ in range(KILLS):
            active = _reading(bench)
            _await(lambda: bench.metric(active, APPLIED) > 0)  # noqa: B023
            time.sleep(0.5 * float(random.random()))
            bench.kill(active)
            bench.supervisor.start(active)  # to stand by
            versions.append(max((entry.version for entry in bench.entries()), default=0))
    found.same("kills", KILLS, len(versions))
    found.least("lives that moved the state", KILLS * 0.8, len(set(versions)))
    _reading(bench)
    bench.settle()
    bench.end(*LEARNERS)
    feed.insist(CATCH_UP_EVENTS, 500)
    bench.start("learner")
    applied = partial(bench.metric, "learner", APPLIED)
    _await(lambda: applied() > 0)
    began = time.monotonic()
    _await(lambda: applied() >= CATCH_UP_EVENTS)
    found.work(f"{CATCH_UP_EVENTS:,} events caught up", CATCH_UP_SECONDS, time.monotonic() - began)
    bench.judge(found)
    bench.end("learner")


def _reading(bench: Bench) -> str:
    """The learner that reads, once there is one."""
    _await(lambda: any(bench.metric(name, "gems_ready") == 1.0 for name in LEARNERS))
    return next(name for name in LEARNERS if bench.metric(name, "gems_ready") == 1.0)


def no_dead_letters(bench: Bench, found: Finding) -> None:
    """The topic of dead letters cannot be written to while an unreadable message comes."""
    feed = Feed(bench, "D10")
    feed.insist(100)
    bench.settle()
    bench.proxy.do(unwelcome=DEAD_LETTERS.encode())
    producer = KafkaProducer(f"127.0.0.1:{bench.ports['advertised']}", 5.0)
    bad = [f"unreadable-{bench.seed}-{number}" for number in range(3)] + ["x" * LONG]
    producer.send([Message(INTERACTIONS, "drill-1", each.encode()) for each in bad])
    feed.insist(100)
    _await(lambda: "trying again until it answers" in bench.log("learner"))
    time.sleep(5.0)
    paused = bench.acknowledged.keys() - bench.applied().keys()
    found.least("requests to the topic that were refused", 1, bench.proxy.harmed)
    found.least("events that wait behind it", 1, len(paused))
    bench.kill("learner")  # what was not committed comes again
    bench.start("learner")
    bench.proxy.do()
    bench.settle()
    wanted = {each[:KEPT_BYTES] for each in bad}
    _await(lambda: wanted <= set(bench.buried()))
    found.same("dead letters", len(wanted), len(set(bench.buried())))
    bench.judge(found)
    producer.close()


def _roles(bench: Bench) -> tuple[str, str]:
    """Who is active, and who stands by."""
    _await(lambda: sum(bench.metric(name, "gems_learner_active") for name in LEARNERS) == 1.0)
    first, second = LEARNERS
    return (first, second) if bench.metric(first, "gems_learner_active") == 1.0 else (second, first)


def _await(look: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing after {seconds:.0f} s")
        time.sleep(0.1)


DRILLS = (
    Drill("D05", "SIGSTOP of the active of two learners past the poll interval, then SIGCONT, twice", zombie),
    Drill("D06", f"{KILLS} kill -9 of the learner at random moments under load", killed_learner),
)
PROXIED = (Drill("D10", "the topic of dead letters cannot be written to", no_dead_letters, learns=True),)
