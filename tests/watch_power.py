"""What the watch finds, on made-up people: false alarms, hours until a fall is found, and how far it would go back.

`python -m tests.watch_power --runs 10`, some minutes. A tenth of 3,000 people is static; each has a rate of their own.
Online earns 15 % more for three days, then falls to a share of what the release earns; or nothing ever changes.
"""

import argparse
import json
from collections.abc import Iterator

import numpy as np

from hidden_gems.events.records import Interaction, Slate
from hidden_gems.online.admission import Admitted
from hidden_gems.online.watch import RewardWatch
from hidden_gems.online.watched import Watched

PEOPLE, STATIC, GAIN, BREAK_HOURS = 3_000, 300, 1.15, 72
CLICK, SAVE, SAVES = 0.3, 0.7, 0.2
START, HOUR = 1_777_900_000.0, 3600.0


def found_below(slates_a_day: int, hours: int, fall: float | None, seed: int) -> tuple[int, int | None] | None:
    """Hour of the first verdict below, and the version (one an hour) that it would go back to; None for none."""
    random, watch, watched = np.random.default_rng(seed), RewardWatch(), Watched()
    rates = random.beta(2, 6, PEOPLE)
    for hour in range(hours):
        now = START + HOUR * hour
        for number, person in enumerate(random.integers(PEOPLE, size=random.poisson(slates_a_day / 24))):
            static, name = person < STATIC, f"{hour}-{number}"
            earns = 1.0 if static or fall is None else GAIN if hour < BREAK_HOURS else fall
            variant = "static" if static else "online"
            watch.show([Slate(name, str(person), now, "", "", "", 0 if static else hour, (), variant=variant)], now)
            if random.random() < rates[person] * earns:
                watch.tell(_feedback(name, now, saved=random.random() < SAVES))
        comparison = watch.compare(now)
        watched.judged(comparison, hour + 1)
        if comparison.verdict == "below":
            return hour, watched.target(watch.led(), 0)
    return None


def _feedback(slate: str, now: float, saved: bool) -> Iterator[Admitted]:
    for kind, reward in (("click", CLICK), *([("save", SAVE)] if saved else [])):
        event = Interaction(f"{slate}-{kind}", "p", "g", kind, now, now, slate_id=slate, signed=True)
        yield Admitted(event, reward)


def main() -> None:
    """Print a line of JSON for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    weeks = [found_below(2_000, 7 * 24, None, seed) for seed in range(6 * runs)]
    print(
        json.dumps({"case": "equal variants, a week", "runs": len(weeks), "alarms": sum(map(bool, weeks))}), flush=True
    )
    for slates in (2_000, 6_000):
        for fall in (0.75, 0.5):
            each = [found_below(slates, 8 * 24, fall, seed) for seed in range(runs)]
            hits = [one for one in each if one]
            content = {"case": f"{slates} slates a day, fall to {fall}", "runs": runs, "found": len(hits)}
            content |= {"hours": float(np.median([hour - BREAK_HOURS for hour, _ in hits])) if hits else None}
            back = sorted(target - BREAK_HOURS for _, target in hits if target is not None)
            print(json.dumps(content | {"back_to_minus_break_hours": back}), flush=True)


if __name__ == "__main__":
    main()
