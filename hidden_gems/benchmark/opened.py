"""A published release in this process, as of the moment where what it learned from ends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hidden_gems.benchmark.loop_release import TrialRelease
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.contract import MOODS, WEATHERS
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.interactions import Index
from hidden_gems.datasets.split import split_by_time
from hidden_gems.explain.templates import LANGUAGES
from hidden_gems.export import release as releases
from hidden_gems.export.sessions import DeepSession, RankerSession
from hidden_gems.features.request import RequestContext, user_row
from hidden_gems.features.snapshot import snapshot
from hidden_gems.features.store import MemoryStore
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.online.state import prior_state
from hidden_gems.recommend.certainty import Certainty
from hidden_gems.recommend.person import Person
from hidden_gems.recommend.request import Preferences, Request
from hidden_gems.recommend.tables import ReleaseTables
from hidden_gems.recommend.world import World

STRANGER_EVERY, WISH_EVERY = 10, 5
"""How often somebody new asks, and somebody who says what kind of place they would like."""


@dataclass(frozen=True)
class Opened:
    """A release with the rows of its day, and the dataset that it was made from."""

    release: TrialRelease
    booster: LambdaMART  # what the ranker's trees were exported from
    dataset: Dataset
    store: MemoryStore
    world: World

    def person(self, user_id: str) -> Person:
        """Somebody as they were known on the day of the release."""
        return Person(user_row(self.store, user_id), self.release.embeddings.get(user_id, 0))


def open_release(folder: Path, dataset: Dataset) -> Opened:
    """Open a release over the dataset that it was trained on.

    Raises:
        ReleaseError: If it is not whole.
        BadInputError: If it was made from other data, or for other pseudonyms.
    """
    about = releases.load(folder)
    for what in ("fingerprint", "pseudonym_key"):
        if getattr(about.dataset, what) != getattr(dataset.about, what):
            raise BadInputError(
                f"release {about.version} was made from data with another {what.replace('_', ' ')} than those of "
                f"{dataset.about.name}; --data takes the folder it was trained on"
            )
    return opened(folder, about.version, about.models, dataset)


def opened(folder: Path, version: str, models: Sequence[str], dataset: Dataset) -> Opened:
    """What lies in the folder of a release, published or not yet.

    Args:
        folder: With models, ranker, tables and policy.
        version: Of the release.
        models: In the order of the rows of the served graph's scores.
        dataset: That it was made from.
    """
    at = split_by_time(dataset).test_from
    users, items = snapshot(dataset, at)
    ids = Index(dataset.users["user_id"].tolist()).ids
    release = TrialRelease(
        version=version,
        about=dataset.about,
        tables=ReleaseTables.load(folder / "tables"),
        deep=DeepSession(folder, models) if models else None,
        ranker=RankerSession(folder),
        prior=lambda: prior_state(folder),
        embeddings={name: row for row, name in enumerate(ids) if row},
        users=users,
        items=items,
        at=at,
    )
    world = replace(release.world(still=False), certainty=Certainty.load(folder / "policy"))
    return Opened(release, LambdaMART.load(folder / "ranker"), dataset, release.store(), world)


def askers(opened: Opened, count: int, seed: int) -> Iterator[Request]:
    """Requests of people in turn: every hour of the day after, every weather, both languages, now and then a wish.

    Args:
        opened: Whose people ask.
        count: Of the requests.
        seed: Of their order, hours, weathers, moods and places.
    """
    random = np.random.default_rng(seed)
    about, items = opened.dataset.about, opened.world.items
    known = sorted(name for name in opened.release.users if name)
    order = random.permutation(len(known))
    kinds = sorted({kind for kind in items.types if kind})
    where = items.tables.generator.place[1:]
    where = where[np.isfinite(where).all(axis=1)]
    weathers = (None, *WEATHERS)
    for number in range(count):
        stranger = number % STRANGER_EVERY == STRANGER_EVERY - 1
        name = f"stranger-{number}" if stranger else known[order[number % len(known)]]
        lat, lon = where[random.integers(len(where))].tolist() if len(where) and random.random() < 0.7 else (None, None)
        context = RequestContext(
            opened.release.at + (0 if about.order_only else int(random.integers(DAY_SECONDS))),
            about.timezone,
            lat,
            lon,
            weathers[random.integers(len(weathers))],
            None if random.random() < 0.3 else float(random.integers(0, 36)),
            order_only=about.order_only,
        )
        wish = frozenset([kinds[random.integers(len(kinds))]]) if kinds and number % WISH_EVERY == 0 else frozenset()
        yield Request(
            name,
            context,
            preferences=Preferences(types=wish),
            mood=None if random.random() < 0.3 else MOODS[random.integers(len(MOODS))],
            language=LANGUAGES[number % len(LANGUAGES)],
            explain="full",
        )


def moved(request: Request, **context: object) -> Request:
    """The same request with another context."""
    return replace(request, context=replace(request.context, **context))  # type: ignore[arg-type]
