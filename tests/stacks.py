"""A home as the training pipeline leaves it, and one stack on it for a whole session of tests."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from hidden_gems.cli.options import Places
from hidden_gems.cli.ports import free_shift
from hidden_gems.cli.processes import redis_server
from hidden_gems.cli.stack import Plan, Stack, open_stack, stable_release
from hidden_gems.cli.stack_clock import stack_clock
from hidden_gems.cli.stack_state import stack_lock
from hidden_gems.client import Client
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.core.names import embedding_row
from hidden_gems.steps import learning
from tests.integration.chain import CITY, SEED, Chain, built

FEATURE_REPO = Path(__file__).parents[1] / "feature_repo"
API_KEY = "a-key-of-the-tests"


@dataclass(frozen=True)
class RunningStack:
    """The stack of the session; whoever ends a part starts it again and waits until it is ready."""

    home: Path
    stack: Stack
    client: Client
    people: tuple[str, ...]  # ids as they came of everybody in the data

    @property
    def addresses(self) -> dict[str, str]:
        return self.stack.plan.addresses

    @property
    def now(self) -> float:
        """Epoch seconds on the clock of the stack."""
        return self.stack.plan.clock.now()

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """End a part for the length of the block."""
        supervisor = self.stack.supervisor
        supervisor.end(name)
        try:
            yield
        finally:
            supervisor.start(name)
            supervisor.await_ready([name])


def furnish(chain: Chain, home: Path) -> Places:
    """Releases, features and embedding rows of the chain, in a home of their own with a Redis that does not run."""
    places = Places(home / "data" / "small")
    shutil.copytree(chain.folder, places.releases)
    with redis_server(places.redis) as redis:
        learning.materialize_features(chain.parts.checked, redis, places.feast)
        users = learning.open_shelf(chain.parts.checked, SEED).users.ids
        rows = {
            embedding_row(release.name, name): str(row).encode()
            for release in chain.releases
            for row, name in enumerate(users)
            if row
        }
        RedisKeyValue(redis).put(rows)
    return places


@contextmanager
def running(home: Path, people: tuple[str, ...], more: Mapping[str, str] | None = None) -> Iterator[RunningStack]:
    """Start a stack on a furnished home, its processes told `more`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(home).items():
            patch.setenv(name, value)
        [places] = Places.all()
        stable_release(places, print)
        plan = Plan(places, stack_clock(places), free_shift(), api_keys=(API_KEY,), more=more or {})
        (home / "api.key").write_text(API_KEY)
        with stack_lock(), open_stack(plan, print) as stack:
            stack.supervisor.start_all()
            stack.state(os.getpid(), time.time(), ready=True).write()
            with Client(
                plan.addresses["transformer"], plan.addresses["collector"], API_KEY, timeout_seconds=5.0
            ) as client:
                yield RunningStack(home, stack, client, people)


def environment(home: Path) -> dict[str, str]:
    """Variables of a command on a furnished home."""
    return {
        "GEMS_HOME": str(home),
        "GEMS_FEATURE_REPO": str(FEATURE_REPO),
        "GEMS_PSEUDONYM_KEY": "test",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(FEATURE_REPO.parent), os.environ.get("PYTHONPATH", "")])),
    }


@contextmanager
def whole_stack(root: Path) -> Iterator[RunningStack]:
    """Every process, on the releases of a small simulated city, for who is no test and has no fixtures.

    Args:
        root: Folder that is written to.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEMS_FEATURE_REPO", str(FEATURE_REPO))
        patch.setenv("GEMS_PSEUDONYM_KEY", "test")
        with built(root / "chain") as chain:
            furnish(chain, root / "home")
            people = people_of(chain)
        with running(root / "home", people) as stack:
            yield stack


def people_of(chain: Chain) -> tuple[str, ...]:
    """Ids as they came of everybody in the data."""
    return tuple(pd.read_parquet(chain.root / CITY / "users.parquet")["user_id"].astype(str))
