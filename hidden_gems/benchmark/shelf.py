"""The shelf: models by name, each fitted at most once before a cut-off of one dataset."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from hidden_gems.benchmark.blend import BLEND, Blended, weigh
from hidden_gems.benchmark.contender import AtCut, Contender, RandomOrder, RankedAtCut
from hidden_gems.benchmark.members import Member, fit_member
from hidden_gems.benchmark.registry import RECOMMENDERS
from hidden_gems.core.errors import BadInputError, HiddenGemsError
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.interactions import Index, Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.datasets.split import TimeSplit
from hidden_gems.evaluation.report import NOTHING_LEARNED
from hidden_gems.features.facts import ItemFacts
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.models.histories import Remembers
from hidden_gems.models.item_knn import ItemKNN
from hidden_gems.models.lambdamart import LambdaMART, LambdaMARTConfig, RankingRows
from hidden_gems.models.protocol import Recommender
from hidden_gems.models.size import DataSize, Preset
from hidden_gems.recommend.candidates import NO_ITEM, CandidateGenerator
from hidden_gems.recommend.ranking import SOURCES, Funnel, candidates_of, ranking_features
from hidden_gems.training.training_set import TrainingSet, TrainingSetConfig, build_training_set

MODELS = (*RECOMMENDERS, "lambdamart", BLEND, "random")


class Shelf:
    """Models of one dataset.

    Args:
        dataset: A checked dataset.
        split: Cut-offs; contenders are fitted on what came before `test_from`.
        seed: Of everything random.
        preset: Sizes of the models.
        deep: Deep models whose scores are features of the ranker.
    """

    def __init__(
        self,
        dataset: Dataset,
        split: TimeSplit,
        seed: int = 0,
        preset: Preset = "auto",
        deep: Sequence[str] = ("ncf",),
    ) -> None:
        self.dataset, self.split, self.seed, self.preset, self.deep = dataset, split, seed, preset, tuple(deep)
        self.users = Index(dataset.users["user_id"].tolist())
        self.items = Index(dataset.items["item_id"].tolist())
        self._models: dict[tuple[str, int], Recommender] = {}
        self.members: dict[tuple[str, int], Member] = {}  # models with how they scored what was held out
        self._neighbours: dict[int, ItemKNN] = {}
        self._generators: dict[int, CandidateGenerator] = {}
        self._logs: dict[int, Interactions] = {}
        self.notes: list[str] = []  # what stood in for what, in words

    @staticmethod
    def check(names: Sequence[str]) -> None:
        """Raise BadInputError for a name that is not on the shelf."""
        for name in names:
            if name not in MODELS:
                raise BadInputError(f"there is no model {name!r}; the shelf has {', '.join(MODELS)}")

    def log(self, before: int) -> Interactions:
        """Positive interactions strictly before a moment."""
        if before not in self._logs:
            self._logs[before] = Interactions.of(self.dataset.before(before), self.users, self.items)
        return self._logs[before]

    @cached_property
    def everything(self) -> Interactions:
        """Positive interactions of all time."""
        return Interactions.of(self.dataset, self.users, self.items)

    @property
    def future(self) -> Interactions:
        """Positive interactions of the test."""
        return Interactions.of(self.dataset.between(self.split.test_from, None), self.users, self.items)

    def all_feedback(self, before: int) -> Interactions:
        """Every interaction strictly before a moment, refusals included: what a person knows already."""
        table = self.dataset.before(before).interactions
        return Interactions(
            user=self.users.rows(table["user_id"].tolist()),
            item=self.items.rows(table["item_id"].tolist()),
            timestamp=table["timestamp"].to_numpy(np.int64),
            reward=table["reward"].to_numpy(np.float32),
            users=len(self.users),
            items=len(self.items),
        )

    @cached_property
    def item_groups(self) -> Rows:
        """Group of each item by its type, -1 where it has none, I."""
        codes, _ = pd.factorize(self.dataset.items["type"])
        return np.concatenate([[-1], codes]).astype(np.int64)

    @cached_property
    def facts(self) -> ItemFacts:
        """What is known about the items."""
        return ItemFacts.of(self.dataset)

    def model(self, name: str, before: int) -> Recommender:
        """A simple or deep model fitted on what came strictly before a moment."""
        if (name, before) not in self._models:
            self._models[name, before] = self._fit(name, before)
        return self._models[name, before]

    def scorer(self, name: str, before: int) -> Recommender:
        """A model whose scores are features; `item_knn` without choices, since serving computes it from neighbours."""
        return self.neighbours(before) if name == "item_knn" else self.model(name, before)

    def neighbours(self, before: int) -> ItemKNN:
        """`item_knn` with its defaults, whose scores serving can compute: no fading, no own visits, no time."""
        if before not in self._neighbours:
            self._neighbours[before] = ItemKNN().refit(self.log(before))
        return self._neighbours[before]

    def keep(self, name: str, before: int, model: Recommender) -> None:
        """Put a model on the shelf that was fitted elsewhere on what came strictly before a moment."""
        self._models[name, before] = model

    def member(self, name: str, before: int) -> Member:
        """A model as `model`, with how it scored what had been held out before its last fit."""
        if (name, before) not in self.members:
            self.keep_member(before, fit_member(name, self.facts, self.log(before), preset=self.preset, seed=self.seed))
        return self.members[name, before]

    def keep_member(self, before: int, member: Member) -> None:
        """Put a member on the shelf that was fitted elsewhere on what came strictly before a moment."""
        self.members[member.name, before] = member
        self.keep(member.name, before, member.model)

    def _fit(self, name: str, before: int) -> Recommender:
        log = self.log(before)
        return self.make(name, log).fit(log)

    def make(self, name: str, log: Interactions) -> Recommender:
        """A recommender that has not learned yet, of a size that fits a log."""
        return RECOMMENDERS[name](self.facts, DataSize.of(log), self.preset, self.seed)

    def generator(self, before: int) -> CandidateGenerator:
        """Candidate generation from what came strictly before a moment."""
        if before not in self._generators:
            table = self.dataset.items
            place = np.vstack([[np.nan, np.nan], table[["lat", "lon"]].to_numpy(np.float64)])
            born = np.concatenate([[np.nan], table["created_at"].to_numpy(np.float64, na_value=np.nan)])
            log, order_only = self.log(before), self.dataset.about.order_only
            self._generators[before] = CandidateGenerator().fit(log, place, born, order_only)
        return self._generators[before]

    def contender(self, name: str) -> Contender:
        """A model ready to be judged on the test; a note says so where a simpler one has to stand in."""
        self.check([name])
        cut = self.split.test_from
        if name == "random":
            return RandomOrder(len(self.items), self.seed)
        if name == BLEND:
            return self.blended(cut)
        if name == "lambdamart" and self.ranker.learned:
            return RankedAtCut(self.funnel, cut)
        if name == "lambdamart":
            self.notes.append(NOTHING_LEARNED)
            name = "item_knn"
        if name == "ncf" and not len(self.log(cut).user):
            self.notes.append("ncf has nothing to learn from before the test; popular stands in for it.")
            name = "popular"
        return AtCut(self.model(name, cut), self.users, self.items, cut)

    def blended(self, before: int) -> Blended:
        """The blend of the members that are on the shelf, else of all recommenders.

        Raises:
            HiddenGemsError: If nothing happened before.
        """
        log = self.log(before)
        if not len(log.user):
            raise HiddenGemsError("there is nothing to blend: no positive interaction before the cut-off")
        there = [member for (_, moment), member in self.members.items() if moment == before]
        kept = weigh(there or [self.member(name, before) for name in RECOMMENDERS], log)
        return Blended(kept.blend, kept.members, log, self.all_feedback(before), self.users, self.items, before)

    def scorers(self, before: int, names: Iterable[str] | None = None) -> dict[str, Recommender]:
        """Models whose scores are features, fitted on what came strictly before a moment; none where nothing did.

        Those that read histories read all there is up to each moment that they are asked about.
        """
        if not len(self.log(before).user):
            return {}
        found = {name: self.scorer(name, before) for name in (names or (*self.deep, *SOURCES))}
        for model in found.values():
            if isinstance(model, Remembers):
                model.remember(self.everything)
        return found

    def candidates(self, moment: int, people: list[str], repeat: bool) -> list[list[str]]:
        """Candidates at a moment of the ranker's slice; the models behind them were fitted before the slice."""
        scorers = self.scorers(self.split.rank_from, SOURCES)
        found, _ = candidates_of(self.generator(moment), scorers, self.users.rows(people), moment, repeat)
        return [[self.items.ids[item] for item in row if item != NO_ITEM] for row in found.items]

    @cached_property
    def training_set(self) -> TrainingSet:
        """What the ranker learns from."""
        return build_training_set(self.dataset, self.split, self.candidates, TrainingSetConfig(seed=self.seed))

    def ranking_rows(self) -> RankingRows:
        """The training set as vectors: those that were served, else made anew with scores of models fitted before."""
        learned = self.training_set
        scorers = self.scorers(self.split.rank_from)
        user = self.users.rows(learned.marks["user_id"].tolist())
        item = self.items.rows(learned.marks["item_id"].tolist())
        when = Moments.of(learned.marks)
        scores = {name: model.score(user, item, when) for name, model in scorers.items()}
        vectors = ranking_features(learned.raw, scores)
        vectors[learned.has_logged] = learned.logged[learned.has_logged]
        position = learned.marks["position"].to_numpy(np.float64, na_value=-1.0).astype(np.int64)
        return RankingRows(vectors, learned.marks["label"].to_numpy(np.int64), learned.queries, position)

    @cached_property
    def ranker(self) -> LambdaMART:
        """LambdaMART, which learned from the slice before the test; constant where that has no query."""
        rows = self.ranking_rows()
        if not len(rows.x):
            return LambdaMART.constant(FEATURE_NAMES)
        config = LambdaMARTConfig(leaf_rows=leaf_rows(len(rows.x)), seed=self.seed)
        return LambdaMART(FEATURE_NAMES, config).fit(rows.x, rows.label, rows.query_sizes)

    @property
    def funnel(self) -> Funnel:
        """Candidates and ranker at the test."""
        cut = self.split.test_from
        return Funnel(self.ranker, self.dataset, self.generator(cut), self.scorers(cut), self.users, self.items)


def leaf_rows(rows: int) -> int:
    """Fewest rows in a leaf of the ranker: a thousandth of all, 20 to 500; small leaves learn a few people by heart."""
    return min(max(rows // 1_000, 20), 500)
