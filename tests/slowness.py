"""How slow this machine is just now, for limits that are promised on an ordinary one."""

import time

ORDINARY_SECONDS = 0.05  # of processor time, for a million turns of the loop on an ordinary core


def slowness() -> float:
    """At least 1: processor time of a fixed piece of work here, over that of an ordinary core."""
    began, total = time.process_time(), 0
    for turn in range(1_000_000):
        total += turn
    return max(1.0, (time.process_time() - began) / ORDINARY_SECONDS)
