"""The promise of the feedback path: how long until an answer knows a click, from outside and by its own histogram."""

import math
import re
import shutil
from pathlib import Path

import httpx
import numpy as np
import pandas as pd

from tests.integration.chain import CITY, Chain
from tests.integration.clicks import click_seconds
from tests.stacks import running

TRIES = 500
BATCH_SECONDS = 1.0
MEDIAN_SECONDS, LIMIT_SECONDS, READ_SECONDS = 2.0, 5.0, 0.002


def quantile(text: str, name: str, share: float, labels: str = "") -> tuple[float, int]:
    """Upper edge of the bucket that a quantile of a histogram lies in, and how many observations there were."""
    lines = re.findall(rf"^{name}_bucket{{(.*)}} (\S+)$", text, re.MULTILINE)
    found = [(re.findall(r'le="([^"]+)"', said)[0], below) for said, below in lines if labels in said]
    assert found, f"{name} is not among the metrics"
    count = float(found[-1][1])
    return next(float(edge) for edge, below in found if float(below) >= share * count), int(count)


def test_five_hundred_clicks(chain: Chain, furnished_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "a-home"
    shutil.copytree(furnished_home, home)
    people = tuple(pd.read_parquet(chain.root / CITY / "users.parquet")["user_id"].astype(str))
    with running(home, people, {"GEMS_BATCH_SECONDS": str(BATCH_SECONDS)}) as stack:
        seconds = click_seconds(stack, TRIES)
        learner, transformer = (
            httpx.get(stack.addresses[name] + "/metrics").text for name in ("learner", "transformer")
        )
    p50, p95, p99 = np.percentile(seconds, [50, 95, 99])
    print(f"from outside p50 {p50:.2f}, p95 {p95:.2f}, p99 {p99:.2f} s of {TRIES} clicks")
    inside = {share: quantile(learner, "gems_feedback_to_effect_seconds", share) for share in (0.5, 0.99)}
    read, reads = quantile(transformer, "gems_stage_seconds", 0.5, 'stage="fetch"')
    print(
        f"micro-batch {BATCH_SECONDS} s; by the exported histogram p50 <= {inside[0.5][0]}, "
        f"p99 <= {inside[0.99][0]} s of {inside[0.5][1]} events; "
        f"one read of a person's row and online state p50 <= {read * 1000:g} ms of {reads}"
    )
    assert inside[0.5][1] == TRIES
    assert math.isfinite(inside[0.99][0])
    assert max(p50, inside[0.5][0]) <= MEDIAN_SECONDS
    assert max(p99, inside[0.99][0]) <= LIMIT_SECONDS
    assert read <= READ_SECONDS
