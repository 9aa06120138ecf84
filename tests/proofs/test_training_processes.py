"""Several processes learn what one learns; killed and started again ends where an unbroken run ends."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hidden_gems.training.loop import LoopConfig
from hidden_gems.training.ncf import NCFRecommender, NCFSettings
from tests import tables

ROOT = Path(__file__).parents[2]
SETTINGS = NCFSettings(
    width=16,
    hidden=(16, 8),
    table_rate=1.0,
    spectral_gain=1.0,
    loop=LoopConfig(epochs=5, batch=64, rate=3e-3, patience=5, checkpoint_steps=7),
)
SHARED = replace(SETTINGS, loop=replace(SETTINGS.loop, shares=2))
TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated people of four tastes."""
    folder = tmp_path_factory.mktemp("training") / "checked"
    tables.rich_dataset(users=120, events=6_000, days=80).write(folder)
    return folder


@pytest.fixture(scope="module")
def alone(checked: Path) -> dict[str, Any]:
    return _finished(_start(checked, checked.parent / "alone", SHARED))


def _start(
    checked: Path, out: Path, settings: NCFSettings, *launcher: str, checkpoint: Path | None = None
) -> subprocess.Popen[str]:
    file = out.parent / f"{out.name}.settings.json"
    file.write_text(json.dumps(asdict(settings)))
    command = [sys.executable, *launcher, "-m", "hidden_gems.steps.fit", "--model", "ncf", "--checked", str(checked)]
    command += ["--out", str(out), "--settings", str(file)]
    command += ["--checkpoint", str(checkpoint)] if checkpoint else []
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}  # see steps/fit.py
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, bufsize=1)


def _finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    report: dict[str, Any] = json.loads(out.splitlines()[-1])
    return report


def _curve(out: Path) -> list[float]:
    curves = json.loads((out / "training.json").read_text())["curves"]
    values: list[float] = curves[0]["validations"]
    return values


def _read_until(process: subprocess.Popen[str], start: str) -> None:
    assert process.stderr is not None
    read = []
    for line in process.stderr:
        read.append(line)
        if line.startswith(start):
            return
    raise AssertionError("".join(read))


def test_two_processes_follow_the_curve_of_one_with_the_doubled_batch(checked: Path, alone: dict[str, Any]) -> None:
    out = checked.parent / "two"
    together = _finished(_start(checked, out, SHARED, *TWO))
    one, two = _curve(checked.parent / "alone"), _curve(out)
    assert (alone["processes"], together["processes"]) == (1, 2)
    assert len(one) == 5
    assert max(one) - min(one) > 0.02  # there is something to follow
    np.testing.assert_allclose(two, one, rtol=0.0, atol=1e-6)
    assert together["parameters_sha256"] == alone["parameters_sha256"]
    models = [NCFRecommender.load(folder).module.state_dict() for folder in (checked.parent / "alone", out)]
    for name, values in models[0].items():
        torch.testing.assert_close(models[1][name], values, rtol=1e-5, atol=1e-6)
    print(f"\nvalidation, one process:   {one}\nvalidation, two processes: {two}")


def test_without_shares_two_processes_differ_from_one_only_by_chance(checked: Path) -> None:
    curves = {}
    for name, launcher in (("plain", ()), ("plain-two", TWO)):
        _finished(_start(checked, checked.parent / name, SETTINGS, *launcher))
        curves[name] = _curve(checked.parent / name)
    print(f"\n{curves}")
    np.testing.assert_allclose(curves["plain-two"], curves["plain"], atol=0.04)


def test_killed_in_the_third_epoch_and_started_again(checked: Path, alone: dict[str, Any]) -> None:
    out, checkpoint = checked.parent / "resumed", checked.parent / "checkpoints"
    process = _start(checked, out, SHARED, checkpoint=checkpoint)
    _read_until(process, "search: epoch 2,")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    state = torch.load(checkpoint / "search" / "last.pt", weights_only=True)
    steps = len(state["report"]["losses"])
    assert steps in (1, 2)  # the third epoch was not over
    assert not out.exists()
    resumed = _finished(_start(checked, out, SHARED, checkpoint=checkpoint))
    assert resumed["parameters_sha256"] == alone["parameters_sha256"]
    assert _curve(out) == _curve(checked.parent / "alone")


def test_a_killed_worker_is_started_again_by_torchrun(checked: Path, alone: dict[str, Any]) -> None:
    out, checkpoint = checked.parent / "worker", checked.parent / "worker-checkpoints"
    process = _start(checked, out, SHARED, *TWO, "--max-restarts=1", checkpoint=checkpoint)
    _read_until(process, "search: epoch 2,")
    os.kill(_worker(process.pid, rank="1"), signal.SIGKILL)
    resumed = _finished(process)
    assert resumed["parameters_sha256"] == alone["parameters_sha256"]
    assert resumed["processes"] == 2


def _worker(launcher: int, rank: str) -> int:
    until = time.monotonic() + 10.0
    while time.monotonic() < until:
        for pid in Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split():
            if f"\0RANK={rank}\0" in Path(f"/proc/{pid}/environ").read_text():
                return int(pid)
        time.sleep(0.05)
    raise AssertionError("there is no such worker")


def test_half_precision_and_computing_twice_need_less_memory() -> None:
    def measured(*flags: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "tests.proofs.peak_memory", *flags]
        # large tensors that are freed go back to the system at once, so the peak is what is held and no leftovers
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": str(2**20)}
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    half, twice = ("--precision", "bf16-mixed"), ("--activation-checkpointing",)
    plain, bf16, again, both = (measured(*flags) for flags in ((), half, twice, half + twice))
    held = {
        name: (each["peak_bytes"] - each["before"]) / 2**20
        for name, each in {"plain": plain, "bf16": bf16, "recomputed": again, "both": both}.items()
    }
    print(f"\nMiB above the {plain['before'] / 2**20:.0f} of an idle process: {held}")
    assert held["bf16"] < 0.7 * held["plain"]
    assert held["recomputed"] < 0.5 * held["plain"]
    assert held["both"] < 0.9 * held["recomputed"]
    assert again["losses"] == plain["losses"]
    np.testing.assert_allclose(bf16["losses"], plain["losses"], rtol=0.01)
