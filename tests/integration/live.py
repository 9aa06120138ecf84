"""Redis with materialized features, a broker with topics, and a small release: what the live processes stand on."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pytest

from hidden_gems.cli.processes import child, kafka_broker, redis_server
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.interactions import Index, Interactions
from hidden_gems.export import release as releases
from hidden_gems.models.item_knn import ItemKNN
from hidden_gems.recommend.candidates import CandidateGenerator
from hidden_gems.recommend.tables import ReleaseTables
from hidden_gems.streaming.kafka import KafkaProducer, create_topics
from tests import factories
from tests.integration.servers import PYTHON

if TYPE_CHECKING:
    from hidden_gems.features.feast_store import FeastStore

FEATURE_REPO = Path(__file__).parents[2] / "feature_repo"
Found = TypeVar("Found")


@dataclass(frozen=True)
class Live:
    """Addresses and folders; `at` is the moment the rows are true at, just after everything in the dataset."""

    root: Path
    redis: str  # host:port
    kafka: str  # host:port
    dataset: Dataset
    at: int

    @property
    def keys(self) -> RedisKeyValue:
        return RedisKeyValue(self.redis, timeout_seconds=2.0)

    @property
    def store(self) -> "FeastStore":
        from hidden_gems.features.feast_store import FeastSettings, FeastStore  # takes seconds to import

        return FeastStore(FeastSettings(self.redis, self.root / "feast", 5.0, FEATURE_REPO), overwrite=True)

    def producer(self) -> KafkaProducer:
        return KafkaProducer(self.kafka, timeout_seconds=5.0)

    def environment(self, **more: str) -> Mapping[str, str]:
        """What a process is told; its clock starts at `at` now."""
        return {
            "GEMS_HOME": str(self.root),
            "GEMS_REDIS": self.redis,
            "GEMS_KAFKA": self.kafka,
            "GEMS_RELEASES": str(self.root / "releases"),
            "GEMS_FEAST_FOLDER": str(self.root / "feast"),
            "GEMS_CLOCK": f"{self.at},1,{time.time()}",
            "OMP_NUM_THREADS": "1",
        } | more

    @contextmanager
    def process(self, name: str, **more: str) -> Iterator[int]:
        """Run `python -m inference.NAME` until the block is left; gives its pid. Its log is `NAME.log`."""
        with (
            (self.root / f"{name}.log").open("a") as log,
            child([PYTHON, "-m", f"inference.{name}"], log, self.environment(**more)) as process,
        ):
            yield process.pid

    def log(self, name: str) -> str:
        return (self.root / f"{name}.log").read_text()


@contextmanager
def live_parts(root: Path, redis_port: int | None = None) -> Iterator[Live]:
    """Everything but the processes."""
    from hidden_gems.features.feast_store import materialize

    dataset = factories.rich_dataset()
    at = dataset.now
    make_release(dataset, root / "releases", at)
    with redis_server(root / "redis", redis_port) as redis, kafka_broker(root / "kafka") as kafka:
        create_topics(kafka)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GEMS_FEATURE_REPO", str(FEATURE_REPO))
            materialize(dataset, at, redis=redis, folder=root / "feast")
        yield Live(root, redis, kafka, dataset, at)


def make_release(dataset: Dataset, folder: Path, now: float) -> Path:
    """A release with the item side and the priors of a dataset, without models; `stable` points to it."""
    users, items = Index(dataset.users["user_id"].tolist()), Index(dataset.items["item_id"].tolist())
    log = Interactions.of(dataset, users, items)
    knn = ItemKNN().refit(log)
    place = np.vstack([[np.nan, np.nan], dataset.items[["lat", "lon"]].to_numpy(np.float64)])
    born = np.full(len(items), np.nan)
    tables = ReleaseTables(
        columns={str(name): dataset.items[name].tolist() for name in dataset.items.columns},
        neighbours=knn.rows,
        weights=knn.weights,
        prior=knn.prior,
        generator=CandidateGenerator().fit(log, place, born).without_people(),
    )

    def fill(draft: Path) -> None:
        tables.save(draft / "tables")
        (draft / "policy").mkdir()
        successes = 1.0 + np.arange(len(items)) / 100.0
        np.savez(
            draft / "policy" / "arms.npz", item_ids=np.array(items.ids), successes=successes, failures=10.0 - successes
        )

    def describe(version: str, created: str) -> releases.Release:
        return releases.Release(version, created, "", dataset.about, 0, "gems", (), {}, {"promote": True})

    release = releases.publish(folder, fill, describe, now)
    releases.point(folder, "stable", release.name)
    return release


def eventually(look: Callable[[], Found | None], seconds: float) -> Found:
    """What `look` gives once it gives something true.

    Raises:
        AssertionError: If it does not in time.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"nothing after {seconds} s"
        time.sleep(0.02)
    return found
