from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hidden_gems.datasets.interactions import Interactions
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.facts import ItemFacts
from hidden_gems.models.graphsage import GraphSAGE
from hidden_gems.models.held_out import hold_out
from hidden_gems.models.size import DataSize
from hidden_gems.training.graph import Graph
from hidden_gems.training.graphsage import Choice, GraphSAGERecommender, GraphSAGESettings
from hidden_gems.training.hidden_pairs import ContrastConfig, HiddenPairs, solve_encoder
from hidden_gems.training.loop import LoopConfig
from tests.logs import facts_of, town

LOOP = LoopConfig(epochs=4, batch=16, rate=2e-3, decay=0.0)
GROUPS = np.concatenate([np.zeros((1, 4)), np.eye(4)[np.arange(40) % 4]]).astype(np.float32)


def _model(**changes: object) -> GraphSAGERecommender:
    settings = replace(GraphSAGESettings(width=8, loop=LOOP), **changes)  # type: ignore[arg-type]
    return GraphSAGERecommender(facts_of(GROUPS), settings)


def _when(log: Interactions, people: int) -> Moments:
    return Moments.at(np.full(people, log.timestamp[-1] + 1))


def test_plan_keeps_the_sizes_of_the_plan() -> None:
    settings = GraphSAGESettings.of("plan", DataSize.of(town()))
    assert (settings.layers, settings.dropout, settings.width) == (3, 0.5, 64)


def test_auto_takes_few_steps_through_the_whole_graph() -> None:
    size = replace(DataSize.of(town()), people=80_000)
    assert GraphSAGESettings.of("auto", size).loop.batch == 10_000
    assert GraphSAGESettings.of("auto", DataSize.of(town())).loop.batch == 256
    assert GraphSAGESettings.of("auto", size).layers == 2


def test_items_that_nobody_met_are_placed_by_their_attributes() -> None:
    log = town(events=1_200)
    unmet = np.isin(log.item, [1, 2, 3, 4])  # one of each group
    early = log.part(~unmet)
    model = _model().fit(early)
    wanted = np.zeros((log.users, 4))
    for column, item in enumerate((1, 2, 3, 4)):
        same = np.isin(early.item, np.flatnonzero(GROUPS[:, (item - 1) % 4]))
        wanted[:, column] = np.bincount(early.user[same], minlength=log.users)
    people = np.flatnonzero(wanted.sum(axis=1) > 8)
    scores = model.score_catalogue(people, _when(log, len(people)))[:, 1:5]
    assert (scores.argmax(axis=1) == wanted[people].argmax(axis=1)).mean() > 0.6  # by chance 0.25


def test_the_table_of_an_unmet_item_is_the_encoders() -> None:
    log = town(events=300)
    model = _model().fit(log.part(log.item != 7))
    with torch.inference_mode():
        placed = model.encoder(torch.from_numpy(GROUPS[7:8])).numpy()[0]
    np.testing.assert_allclose(model.item_table[7, -1], placed[-1], rtol=1e-5)
    assert np.linalg.norm(model.item_table[7, :-1] - placed[:-1]) < 0.2 * np.linalg.norm(placed[:-1])


def test_nothing_is_learned_where_the_start_predicts_best() -> None:
    log = town(events=900)
    early, held_out = hold_out(log)
    assert held_out is not None
    model = _model(loop=replace(LOOP, rate=1.0)).choose(early, held_out)
    assert model.epochs == 0
    fitted = model.refit(log)
    assert fitted.reports[-1].losses == []


def test_own_visits_are_weighed_where_people_repeat() -> None:
    log = town(events=900, users=60, items=80)
    home = 1 + (log.user * 7) % 80  # everyone returns to one place
    mixed = replace(log, item=np.where(np.arange(900) % 2 == 0, home, log.item))
    model = GraphSAGERecommender(ItemFacts.none(log.items), GraphSAGESettings(width=8, loop=LOOP)).fit(mixed)
    assert model.choice.own_weight > 0
    people = np.arange(1, log.users)
    best = model.recommend(people, _when(log, len(people)), 1)[:, 0]
    assert (best == 1 + (people * 7) % 80).mean() > 0.9


def test_choices_are_forgotten_and_kept_in_a_folder(tmp_path: Path) -> None:
    log = town(events=400)
    model = _model().fit(log)
    model.choice = Choice(half_life=32.0, gain=2.0, own_half_life=16.0, own_weight=3.0)
    model.save(tmp_path)
    loaded = GraphSAGERecommender.load(tmp_path)
    assert loaded.choice == model.choice
    assert loaded.settings == model.settings
    probe = torch.from_numpy(GROUPS[:3])
    assert torch.equal(loaded.encoder(probe), model.encoder(probe))
    model.forget_choice()
    assert model.choice == Choice(np.inf, 4.0, np.inf, 0.0)
    assert model.epochs is None


def _task(config: ContrastConfig) -> tuple[GraphSAGE, HiddenPairs]:
    log = town(events=400)
    model = _model()
    module = model.build(log)
    return module, HiddenPairs(module, Graph.of(log, model.facts), config, None)


def test_drawn_candidates_estimate_the_loss_of_all() -> None:
    module, task = _task(ContrastConfig(hidden_items=0.0))
    _, drawn = _task(ContrastConfig(hidden_items=0.0, candidates=30))
    module.eval()
    rows = np.arange(task.examples)

    def losses(which: HiddenPairs) -> float:
        with torch.inference_mode():
            return float(np.mean([which.loss(module, rows, np.random.default_rng(seed)) for seed in range(20)]))

    assert losses(drawn) == pytest.approx(losses(task), rel=0.03)


def test_learning_lowers_the_loss() -> None:
    model = _model(loop=replace(LOOP, epochs=30, rate=5e-3))
    model.refit(town(events=900))
    losses = model.reports[-1].losses
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.02


def test_encoder_is_the_weighted_ridge_and_gives_the_mean_rate() -> None:
    x = np.array([[1.0], [0.0], [1.0], [0.0]], dtype=np.float32)
    y = np.array([[2.0, 1.0], [0.0, 0.0], [2.0, 1.0], [9.0, 9.0]], dtype=np.float32)
    trust = np.array([1.0, 1.0, 0.0, 0.0], dtype=np.float32)
    encoder = solve_encoder(x, y, trust, np.ones((3, 2), dtype=np.float32))
    # half the variance 0.5 of the two trusted rows against a shrinkage of 2: slope = 1 / 2.5 and 0.5 / 2.5
    np.testing.assert_allclose(encoder.weight.detach().numpy()[0], [0.4, 0.2], rtol=1e-5)
    missed = np.array([[0.8, 0.4], [-0.8, -0.4]])  # of the centred rows
    spread = (missed.sum(axis=1) ** 2).mean()
    with torch.inference_mode():
        middle = encoder(torch.tensor([[0.5]])).numpy()[0]
    np.testing.assert_allclose(middle, [1.0, 0.5 + spread / 2], rtol=1e-5)
