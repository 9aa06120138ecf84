"""Which of their own items people come back to, by boosted trees; what is new to them, by popularity."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.facts import ItemFacts
from hidden_gems.models.held_out import HeldOut, hold_out
from hidden_gems.models.own_items import FEATURES, OwnItems
from hidden_gems.models.past import Past, picked
from hidden_gems.models.tuned import Tuned

if TYPE_CHECKING:
    import lightgbm  # takes seconds, and only trees need it: imported where they grow or are read

_SLICES, _SLICE_PEOPLE = 3, 20_000
_FEWEST = 20  # own items that were met again, and that were not, for trees to be grown
_REQUESTS = 4_096  # at a time
_TREES: dict[str, Any] = {
    "objective": "binary", "num_leaves": 7, "learning_rate": 0.05, "min_data_in_leaf": 100, "feature_fraction": 0.5,
    "bagging_fraction": 0.7, "bagging_freq": 1, "lambda_l2": 5.0,
    "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1,
}  # fmt: skip


@dataclass
class Revisits(Tuned):
    """Score an item by the log-odds that the person meets it next.

    Of a person's own items, trees tell them by `own_items.FEATURES`: they learn from the last three slices of the
    log, each asked by what came before it. Everything else is drawn by popularity, as often as people met something
    new in those slices. Where hardly anybody comes back, all own items have the same odds.

    Args:
        trees: How many are grown.
        seed: Of the draws of rows and features, and of the people whose last visit is held out.

    Source:
        Anderson et al. (2014), The Dynamics of Repeat Consumption; Benson, Kumar and Tomkins (2016), Modeling User
        Consumption Sequences. The trees are LightGBM's.
    """

    chooses: ClassVar[bool] = False
    trees: int = 100
    seed: int = 0
    place: NDArray[np.float64] | None = field(init=False, repr=False, compare=False, default=None)
    """Degrees of latitude and longitude of the items, I X 2; None where they have none."""
    own: OwnItems = field(init=False, repr=False, compare=False)
    """Everyone's visits."""
    booster: "lightgbm.Booster | None" = field(init=False, repr=False, compare=False, default=None)
    """None where too few came back to learn from."""
    own_odds: float = field(init=False, repr=False, compare=False)
    """Log-odds of an own item, on average."""
    new_odds: NDArray[np.float32] = field(init=False, repr=False, compare=False)
    """Log-odds of each item where it is new to a person, I."""

    @classmethod
    def among(cls, facts: ItemFacts, seed: int = 0) -> Self:
        """A model that knows where the items are."""
        model = cls(seed=seed)
        model.place = facts.place
        return model

    def refit(self, log: Interactions) -> Self:
        """Grow trees on the last slices, and remember everyone's visits."""
        x, met, new, asked = [np.zeros((0, len(FEATURES)), np.float32)], [np.zeros(0, bool)], 0, 0
        for early, held_out in self._slices(log):
            row, item, features = self._read(early).of(held_out.user, held_out.moments)
            x.append(features)
            met.append(picked(held_out.met, row, item) > 0)
            new, asked = new + held_out.new.nnz, asked + len(held_out.user)
        self._grow(np.concatenate(x), np.concatenate(met))
        self.own = self._read(log)
        share = self.own.earned[0] + 0.5
        self.new_odds = np.log(share / share.sum() * (new + 1) / (asked + 1)).astype(np.float32)
        return self

    def score(self, user: Rows, item: Rows, when: Moments) -> NDArray[np.float32]:
        """Log-odds of each pair, float32, size B."""
        who, which, moments = self.own.past.asked(user, when)
        above = picked(self._above(who, moments), which, item)
        return self.new_odds[item] + above.astype(np.float32)

    def score_catalogue(self, user: Rows, when: Moments) -> NDArray[np.float32]:
        """Log-odds of every item for each person, float32, size U X I; column 0 is -inf."""
        scores: NDArray[np.float32] = np.tile(self.new_odds, (len(user), 1))
        above = self._above(user, when).tocoo()
        scores[above.row, above.col] += above.data
        scores[:, 0] = -np.inf
        return scores

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Trees as text, odds, and what is remembered."""
        trees = "" if self.booster is None else self.booster.model_to_string()
        about = {"booster": np.array(trees), "own_odds": np.array(self.own_odds), "new_odds": self.new_odds}
        return about | {"place": self.own.place, "earned": self.own.earned} | self.own.past.arrays()

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `arrays` gave."""
        import lightgbm

        trees, self.place = str(arrays["booster"]), arrays["place"]
        self.booster = lightgbm.Booster(model_str=trees) if trees else None
        self.own_odds, self.new_odds = float(arrays["own_odds"]), arrays["new_odds"]
        self.own = OwnItems(Past.restore(arrays), arrays["place"], arrays["earned"])

    def _slices(self, log: Interactions) -> Iterator[tuple[Interactions, HeldOut]]:
        """The last slices of a log, latest first, each with what came before it."""
        for number in range(_SLICES):
            log, held_out = hold_out(log, seed=self.seed + number, most=_SLICE_PEOPLE)
            if held_out is None:
                return
            yield log, held_out

    def _read(self, log: Interactions) -> OwnItems:
        return OwnItems.read(log, np.full((log.items, 2), np.nan) if self.place is None else self.place)

    def _grow(self, x: NDArray[np.float32], met: NDArray[np.bool_]) -> None:
        """Learn which own items are met again, N X F and N."""
        hits = int(met.sum())
        self.own_odds, self.booster = float(np.log((hits + 0.5) / (len(met) - hits + 0.5))), None
        if min(hits, len(met) - hits) >= _FEWEST:
            import lightgbm

            data = lightgbm.Dataset(x, label=met, feature_name=list(FEATURES), params={"verbosity": -1})
            self.booster = lightgbm.train({**_TREES, "seed": self.seed}, data, num_boost_round=self.trees)

    def _above(self, user: Rows, when: Moments) -> csr_matrix:
        """What the odds of each person's own items lie above those of new ones, B X I."""
        parts = [csr_matrix((0, self.own.past.items), dtype=np.float32)]
        for start in range(0, len(user), _REQUESTS):
            part = slice(start, start + _REQUESTS)
            row, item, x = self.own.of(user[part], when[part])
            odds = np.full(len(row), self.own_odds)
            if self.booster is not None and len(row):
                odds = np.asarray(self.booster.predict(x, raw_score=True, num_threads=1))
            above = (odds - self.new_odds[item]).astype(np.float32)
            parts.append(csr_matrix((above, (row, item)), shape=(len(user[part]), self.own.past.items)))
        return vstack(parts, format="csr")
