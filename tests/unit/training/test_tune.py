import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import pytest

from hidden_gems.benchmark.registry import DEEP
from hidden_gems.core.errors import BadInputError
from hidden_gems.models.size import DataSize
from hidden_gems.training.loop import LoopConfig
from hidden_gems.training.ncf import NCFRecommender, NCFSettings
from hidden_gems.training.settings import settings_from
from hidden_gems.training.trial import Trial, Tunable
from hidden_gems.training.tune import JOURNAL, SETTINGS, TRIALS, tune
from tests.logs import facts_of, log_of, town

LOG = town(events=2_000)
SMALL = NCFSettings(width=8, hidden=(8,), loop=LoopConfig(epochs=3, batch=512, rate=1e-6, decay=0.0))
FACTS = facts_of(np.ones((LOG.items, 1), dtype=np.float32))


def _model(settings: NCFSettings = SMALL) -> NCFRecommender:
    return NCFRecommender(FACTS, settings)


def test_what_is_found_is_no_worse_than_what_was_there(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    found = tune(_model(), LOG, 600.0, folder=tmp_path, most=7, progress=lambda *what: told.append(what))
    assert found.trials["number"].tolist() == list(range(7))
    assert found.trials["state"][0] == "complete"
    assert found.value == found.trials[found.trials["state"] == "complete"]["value"].max()
    assert found.unchanged == found.trials["value"][0]
    assert found.value >= found.unchanged
    assert found.trials["rate"].isna().tolist() == [True] + [False] * 6  # the first trial asks for nothing
    assert (found.trials["epochs"] >= 1).all()
    assert (found.trials["seconds"] > 0.0).all()
    assert told[0][0] == "trial 0"
    assert told[-1][0] == "trial 6"
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert 0.0 < shares[-1] < 0.5
    best = settings_from(NCFSettings, found.settings)
    row = found.trials.loc[found.trials["value"].where(found.trials["state"] == "complete").idxmax()]
    assert best.loop.seed == SMALL.loop.seed
    if row["number"]:
        assert (best.loop.rate, best.dropout) == (row["rate"], row["dropout"])
    again = _model(best).fit(LOG).reports[0]
    assert max(again.validations) == found.value


def test_a_search_goes_on_where_it_was(tmp_path: Path) -> None:
    first = tune(_model(), LOG, 600.0, folder=tmp_path, most=2)
    second = tune(_model(), LOG, 600.0, folder=tmp_path, most=4)
    pd.testing.assert_frame_equal(second.trials[:2][first.trials.columns], first.trials)
    assert len(second.trials) == 4
    over = tune(_model(), LOG, 1e-3, folder=tmp_path)  # its box was used up by the starts before
    assert len(over.trials) == 4
    with pytest.raises(BadInputError, match="holds a search on other data or from other settings"):
        tune(_model(), town(events=1_000), 600.0, folder=tmp_path)
    with pytest.raises(BadInputError, match="holds a search on other data or from other settings"):
        tune(_model(replace(SMALL, dropout=0.1)), LOG, 600.0, folder=tmp_path)


def test_a_search_that_was_killed_goes_on(tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    def kill(what: str, share: float) -> None:
        if what == "trial 1":
            raise KilledError

    with pytest.raises(KilledError):
        tune(_model(), LOG, 600.0, folder=tmp_path, progress=kill)
    found = tune(_model(), LOG, 600.0, folder=tmp_path, most=3)
    assert found.trials["state"][:2].tolist() == ["complete", "fail"]
    assert len(found.trials) == 3


def test_the_box_ends_a_trial_and_what_it_had_reached_counts(tmp_path: Path) -> None:
    slow = replace(SMALL, loop=replace(SMALL.loop, epochs=10**6, patience=10**6))
    tune(_model(), LOG, 600.0, folder=tmp_path / "warm", most=1)  # imports take seconds
    began = time.monotonic()
    found = tune(_model(slow), LOG, 1.0, folder=tmp_path / "slow")
    assert 0.9 < time.monotonic() - began < 30.0
    assert found.trials["state"].tolist() == ["complete"]
    assert found.trials["epochs"][0] > 1
    assert found.value == found.unchanged > 0.0
    with pytest.raises(BadInputError, match="the time was over before a single epoch was"):
        tune(_model(), LOG, 1e-9, folder=tmp_path / "short")


@dataclass(frozen=True)
class Scripted(NCFSettings):
    """The dropout is the only thing that is asked for; from the second trial on nothing is learned at all."""

    asked: ClassVar[list[DataSize]] = []

    def suggest(self, trial: Trial, size: DataSize) -> Self:
        self.asked.append(size)
        flat = replace(self.loop, rate=0.0)
        return replace(self, dropout=trial.suggest_float("dropout", 0.1, 0.9), spectral_gain=-4.0, loop=flat)


def test_what_is_behind_is_given_up(tmp_path: Path) -> None:
    good = Scripted(width=8, hidden=(8,), loop=LoopConfig(epochs=3, batch=512))
    found = tune(_model(good), LOG, 600.0, folder=tmp_path, most=8)
    assert found.trials["state"].tolist()[:4] == ["complete"] * 4
    assert found.value == found.unchanged
    assert found.trials["value"][1] < found.unchanged
    assert Scripted.asked == [DataSize.of(LOG)] * 7


def test_table_and_settings_are_written(tmp_path: Path) -> None:
    found = tune(_model(), LOG, 600.0, folder=tmp_path / "search", most=2)
    found.write(tmp_path / "out")
    assert json.loads((tmp_path / "out" / SETTINGS).read_text()) == found.settings
    assert pd.read_csv(tmp_path / "out" / TRIALS)["number"].tolist() == [0, 1]
    assert (tmp_path / "search" / JOURNAL).is_file()


def test_what_cannot_be_tuned(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Fixed:
        loop: LoopConfig = field(default_factory=LoopConfig)

    with pytest.raises(BadInputError, match="ncf offers no search space"):
        tune(NCFRecommender(FACTS, Fixed()), LOG, 60.0, folder=tmp_path)  # type: ignore[arg-type]
    short = log_of([(1, 1), (1, 2)], users=2, items=LOG.items)
    with pytest.raises(BadInputError, match="too short to hold something out"):
        tune(_model(), short, 60.0, folder=tmp_path)


class Lowest:
    """A trial that answers with the low end of each range and the first of each choice."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return low

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return low

    def suggest_categorical(self, name: str, choices: tuple[Any, ...]) -> Any:
        return choices[0]


def test_the_space_of_ncf() -> None:
    assert isinstance(NCFSettings(), Tunable)
    low = NCFSettings().suggest(Lowest(), DataSize.of(LOG))
    assert (low.width, low.dropout, low.table_rate, low.spectral_gain) == (32, 0.0, 2e-3, 0.5)
    assert (low.loop.rate, low.loop.decay) == (3e-4, 1e-7)
    assert (low.negatives.per_positive, low.negatives.popular_share) == (2, 0.0)
    assert (low.hidden, low.loop.epochs) == (NCFSettings().hidden, 10)


class Highest(Lowest):
    """A trial that answers with the high end of each range and the last of each choice."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return high

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return high

    def suggest_categorical(self, name: str, choices: tuple[Any, ...]) -> Any:
        return choices[-1]


@pytest.mark.parametrize("end", [Lowest(), Highest()])
@pytest.mark.parametrize("name", DEEP)
def test_every_deep_model_has_a_space_of_settings_that_can_be_built(name: str, end: Trial) -> None:
    model: Any = DEEP[name](FACTS, DataSize.of(LOG), "auto", 3)
    found = model.settings.suggest(end, DataSize.of(LOG))
    assert found != model.settings
    assert found.loop.seed == 3
    tried = replace(model, settings=settings_from(type(found), json.loads(json.dumps(asdict(found)))))
    assert tried.settings == found
    few = log_of([(user, item) for user in range(1, 5) for item in range(1, 6)], users=LOG.users, items=LOG.items)
    tried.settings = replace(found, loop=replace(found.loop, epochs=1))
    assert np.isfinite(tried.refit(few).score(few.user, few.item, few.moments)).all()
