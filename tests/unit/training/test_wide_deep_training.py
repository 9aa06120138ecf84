from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hidden_gems.datasets.moments import Moments
from hidden_gems.models.size import DataSize
from hidden_gems.training.loop import LoopConfig
from hidden_gems.training.negatives import NegativesConfig
from hidden_gems.training.wide_deep import WideDeepRecommender, WideDeepSettings
from tests.logs import facts_of, log_of, town

LOG = town()
ATTRIBUTES = np.eye(LOG.items, 4, dtype=np.float32)
FACTS = replace(facts_of(ATTRIBUTES), kind=np.arange(LOG.items) % 4, area=np.arange(LOG.items) % 3)
SMALL = WideDeepSettings(factors=8, width=4, hidden=(16, 8), length=30, loop=LoopConfig(epochs=4, batch=128))
SIZE = DataSize(people=30, items=40, interactions=600, catalogue=41, history=30)


@pytest.fixture(scope="module")
def fitted() -> WideDeepRecommender:
    return WideDeepRecommender(FACTS, SMALL).fit(LOG)


def test_the_plans_sizes() -> None:
    plan = WideDeepSettings.of("plan", SIZE)
    assert plan == WideDeepSettings()
    assert (plan.width, plan.moment_width, plan.hidden) == (16, 8, (256, 128, 64, 32))
    assert plan.negatives == NegativesConfig(per_positive=4)


def test_sizes_that_fit_the_data() -> None:
    auto = WideDeepSettings.of("auto", SIZE)
    assert (auto.hidden, auto.length, auto.loop.batch) == ((64, 32), 30, 1024)
    assert (auto.dropout, auto.user_dropout) == (0.2, 0.5)
    large = WideDeepSettings.of("auto", replace(SIZE, interactions=250_001, history=400))
    assert (large.length, large.loop.batch) == (100, 2048)
    assert WideDeepSettings.of("auto", replace(SIZE, interactions=250_000, history=3)).length == 20
    assert WideDeepSettings.of("auto", replace(SIZE, interactions=250_000)).loop.batch == 1024


def test_a_person_who_comes_back_is_told_from_one_who_does_not() -> None:
    pairs = [(1 + step % 8, 1 + step % 8 if step % 7 else 9 + step % 10) for step in range(400)]
    log = log_of(pairs, users=10, items=20)
    settings = replace(SMALL, spectral_gain=0.0, loop=LoopConfig(epochs=30, batch=128))
    model = WideDeepRecommender(facts_of(ATTRIBUTES[:20]), settings).refit(log)
    scores = model.score_catalogue(np.arange(1, 9), Moments.at(np.full(8, log.timestamp[-1] + 60)))
    assert (scores.argmax(axis=1) == np.arange(1, 9)).mean() > 0.7
    assert model.module.wide.weight[0, :9].sum().item() > 0.1


def test_starts_from_popularity_and_factors() -> None:
    frozen = replace(SMALL, loop=LoopConfig(epochs=1, rate=0.0, decay=0.0))
    model = WideDeepRecommender(FACTS, frozen).refit(LOG)
    unique = np.array([len(np.unique(LOG.user[LOG.item == item])) for item in range(LOG.items)]) + 1.0
    nobody = model.score_catalogue(np.array([0]), LOG.moments[-1:])[0, 1:]
    expected = np.log(unique / unique.mean())[1:] - np.log(4)
    np.testing.assert_allclose(nobody, expected, atol=1e-5)
    target = model.module.target.weight.detach().numpy()
    assert not target[:, 3:].any()  # 31 people carry 3 directions, 8 rows each
    assert np.abs(target[1:, :3]).mean() > 0.1
    assert model.module.wide.weight[0, 18].item() == 4.0


def test_an_example_reads_only_what_came_before_it() -> None:
    model = WideDeepRecommender(FACTS, SMALL).refit(LOG)
    user, when = LOG.user[-1:], LOG.moments[-1:]
    before = model.request(user, when)[2].numpy()
    earlier = LOG.item[(LOG.user == user) & (LOG.timestamp < when.timestamp)]
    assert before[0, -min(len(earlier), 30) :].tolist() == earlier[-30:].tolist()


def test_a_large_log_shows_some_of_its_examples_each_epoch() -> None:
    few = WideDeepRecommender(FACTS, replace(SMALL, most_examples=128))
    report = few.refit(LOG).reports[0]
    assert len(report.losses) == 4
    task = few.task(few.module, LOG, None)
    assert task.examples == 128
    drawn = []
    for epoch in (0, 1, 0):
        task.begin_epoch(epoch)
        drawn.append(task.state()["chosen"].tolist())
    assert drawn[0] == drawn[2] != drawn[1]
    assert len(set(drawn[0])) == 128


def test_hard_negatives_are_the_best_of_what_was_not_met() -> None:
    settings = replace(SMALL, negatives=NegativesConfig(hard_share=0.5, hard_depth=5))
    model = WideDeepRecommender(FACTS, settings).refit(LOG)
    task = model.task(model.module, LOG, None)
    task.begin_epoch(0)
    assert "hard" not in task.state()
    task.begin_epoch(1)
    hard = task.state()["hard"].numpy()
    assert hard.shape == (LOG.users, 5)
    assert not any(np.isin(hard[user], LOG.item[LOG.user == user]).any() for user in range(1, LOG.users))
    other = model.task(model.module, LOG, None)
    other.restore(task.state())
    np.testing.assert_array_equal(other.state()["hard"].numpy(), hard)


def test_rates_of_the_parts(fitted: WideDeepRecommender) -> None:
    task = fitted.task(fitted.module, LOG, None)
    rates = {id(p): group["lr"] for group in task.parameter_groups(1.0) for p in group["params"]}
    named = {name: rates[id(parameter)] for name, parameter in fitted.module.named_parameters()}
    assert (named["source.weight"], named["target.weight"]) == (0.02, 0.02)
    linear = ("wide.weight", "popular.weight", "user_type.weight", "area_time.weight")
    assert {named[name] for name in linear} == {3.0}
    assert named["deep.3.weight"] == named["user.weight"] == 1.0


def test_homes_of_new_people_matter() -> None:
    random = np.random.default_rng(0)
    side = np.arange(41) % 2
    home = np.column_stack([41.0 + 0.5 * side, np.full(41, 29.0)])
    place = np.column_stack([41.0 + 0.5 * (np.arange(21) % 2), np.full(21, 29.0)])
    people = np.repeat(np.arange(1, 31), 12)
    item = 2 * random.integers(1, 10, size=len(people)) + side[people]
    log = log_of(list(zip(people.tolist(), item.tolist(), strict=True)), users=41, items=21)
    facts = replace(facts_of(np.zeros((21, 1), dtype=np.float32)), place=place, home=home)
    settings = replace(SMALL, loop=LoopConfig(epochs=40, batch=64))
    model = WideDeepRecommender(facts, settings).refit(log)
    new = np.arange(31, 41)
    scores = model.score_catalogue(new, Moments.at(np.full(10, log.timestamp[-1] + 60)))
    assert (scores.argmax(axis=1) % 2 == side[new]).all()


def test_settings_and_histories_come_back(fitted: WideDeepRecommender, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    loaded = WideDeepRecommender.load(tmp_path)
    assert loaded.settings == SMALL
    assert loaded.epochs == fitted.epochs
    np.testing.assert_array_equal(loaded.histories.item, fitted.histories.item)
    assert loaded.histories.order_only is False
    with torch.inference_mode():
        assert torch.equal(loaded.module.item_popularity, fitted.module.item_popularity)
