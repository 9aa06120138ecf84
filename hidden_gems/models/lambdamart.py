"""Rank a list by its features: gradient-boosted trees on the change of NDCG."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.errors import BadInputError
from hidden_gems.events.kinds import MAX_LABEL

if TYPE_CHECKING:
    import lightgbm  # takes seconds, and most processes grow and read no trees: imported where they do

_BOOSTER_FILE = "lambdamart.txt"


@dataclass(frozen=True)
class LambdaMARTConfig:
    """Shape and speed of the trees."""

    trees: int = 100
    leaves: int = 31
    depth: int = 5
    rate: float = 0.1
    leaf_rows: int = 20  # fewest rows in a leaf
    patience: int = 20  # trees without a better NDCG@10 on the validation queries before it stops
    seed: int = 0
    label_gain: tuple[float, ...] = tuple(float(2**label - 1) for label in range(MAX_LABEL + 1))


@dataclass(frozen=True)
class RankingRows:
    """Rows of several queries, each query's rows in one piece.

    Notation: n rows, q queries, F features.
    """

    x: NDArray[np.float32]  # n X F, NaN where unknown
    label: NDArray[np.int64]  # 0 to 5, n
    query_sizes: NDArray[np.int64]  # rows of each query, q; they add up to n
    position: NDArray[np.int64] | None = None  # where each row was shown, from 0, -1 for nowhere, n; None: not known


@dataclass
class LambdaMART:
    """Score rows so that in each query the better labels come first.

    Args:
        names: Name of each feature, F of them.
        config: Shape and speed of the trees.

    Source:
        Burges (2010), From RankNet to LambdaRank to LambdaMART; the trees are LightGBM's.
    """

    names: Sequence[str]
    config: LambdaMARTConfig = field(default_factory=LambdaMARTConfig)
    booster: "lightgbm.Booster" = field(init=False, repr=False)

    def fit(
        self,
        x: NDArray[np.float32],
        label: NDArray[np.int64],
        query_sizes: NDArray[np.int64],
        validation: RankingRows | None = None,
        position: NDArray[np.int64] | None = None,
        weight: NDArray[np.floating] | None = None,
    ) -> Self:
        """Learn from queries; with a validation slice the trees end where its NDCG@10 is best.

        Args:
            x: Features, float32, size n X F, NaN where unknown.
            label: Labels 0 to 5, size n.
            query_sizes: Rows of each query, size q; they add up to n.
            validation: Queries that decide how many trees are enough.
            position: Where each row was shown, from 0, -1 for nowhere, size n. What places add by themselves is then
                learned beside the trees, and no part of a score (Hu et al. 2019, Unbiased LambdaMART; LightGBM's).
            weight: Of each row, size n.

        Raises:
            BadInputError: If the sizes do not fit, a label is out of range, or there is no row.
        """
        import lightgbm

        self._check(RankingRows(x, label, query_sizes))
        train = self._data(RankingRows(x, label, query_sizes, position), weight=weight)
        callbacks, valid = [], []
        if validation is not None:
            self._check(validation)
            valid = [self._data(validation, reference=train)]
            callbacks = [lightgbm.early_stopping(self.config.patience, verbose=False)]
        booster = lightgbm.train(
            self._parameters(), train, num_boost_round=self.config.trees, valid_sets=valid, callbacks=callbacks
        )
        best = booster.best_iteration if validation is not None else -1
        self.booster = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=best))
        return self

    @classmethod
    def constant(cls, names: Sequence[str]) -> Self:
        """A ranker that learned nothing and scores every row alike: an order that is there already stays."""
        one_row = np.zeros((1, len(names)), dtype=np.float32)
        return cls(names, LambdaMARTConfig(trees=1)).fit(one_row, np.zeros(1, dtype=np.int64), np.ones(1, dtype=int))

    @property
    def learned(self) -> bool:
        """Whether any tree tells one row from another."""
        return bool((self.booster.feature_importance("split") > 0).any())

    def score(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score of each row, float32, size n.

        Args:
            x: Features, float32, size n X F, NaN where unknown.
        """
        if not len(x):
            return np.zeros(0, dtype=np.float32)
        return np.asarray(self.booster.predict(x, num_threads=1), dtype=np.float32)

    def contributions(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """What each feature adds to each score (TreeSHAP), float64, size n X F + 1; the last column is the base.

        A row's contributions add up to its score.

        Source:
            Lundberg et al. (2018), Consistent Individualized Feature Attribution for Tree Ensembles.
        """
        if not len(x):
            return np.zeros((0, len(self.names) + 1))
        return np.asarray(self.booster.predict(x, pred_contrib=True, num_threads=1), dtype=np.float64)

    @property
    def trees(self) -> int:
        """Number of trees."""
        return int(self.booster.num_trees())

    def gain_shares(self) -> NDArray[np.float64]:
        """Share of each feature in everything the splits gained, float64, size F; zeros where nothing was split."""
        gain = np.asarray(self.booster.feature_importance("gain"), dtype=np.float64)
        return gain / max(float(gain.sum()), np.finfo(np.float64).tiny)

    def save(self, folder: Path) -> None:
        """Write the trees with the names of the features into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _BOOSTER_FILE).write_text(self.booster.model_to_string())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; the configuration is part of the trees and not read back."""
        import lightgbm

        booster = lightgbm.Booster(model_str=(folder / _BOOSTER_FILE).read_text())
        model = cls(tuple(booster.feature_name()))
        model.booster = booster
        return model

    def _check(self, rows: RankingRows) -> None:
        if rows.x.ndim != 2 or not len(rows.x) or rows.x.shape[1] != len(self.names):
            raise BadInputError(f"features must be rows X {len(self.names)} with at least one row, got {rows.x.shape}")
        if len(rows.label) != len(rows.x) or rows.query_sizes.sum() != len(rows.x):
            raise BadInputError(
                f"{len(rows.x)} rows need as many labels and queries that add up to them, got {len(rows.label)} "
                f"labels and {rows.query_sizes.sum()} rows in queries"
            )
        if rows.label.min() < 0 or rows.label.max() >= len(self.config.label_gain):
            raise BadInputError(f"labels must lie in 0 to {len(self.config.label_gain) - 1}")

    def _data(
        self,
        rows: RankingRows,
        reference: "lightgbm.Dataset | None" = None,
        weight: NDArray[np.floating] | None = None,
    ) -> "lightgbm.Dataset":
        import lightgbm

        return lightgbm.Dataset(
            rows.x,
            label=rows.label,
            group=rows.query_sizes,
            feature_name=list(self.names),
            reference=reference,
            weight=weight,
            position=None if rows.position is None else rows.position + 1,
            params={"feature_pre_filter": False, "verbosity": -1},
        )

    def _parameters(self) -> dict[str, object]:
        return {
            "objective": "lambdarank",
            "metric": "ndcg",
            "eval_at": [10],
            "label_gain": list(self.config.label_gain),
            "num_leaves": self.config.leaves,
            "max_depth": self.config.depth,
            "learning_rate": self.config.rate,
            "min_data_in_leaf": self.config.leaf_rows,
            "deterministic": True,
            "force_row_wise": True,
            "seed": self.config.seed,
            "num_threads": 1,
            "verbosity": -1,
        }
