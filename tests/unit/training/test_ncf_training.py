from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.held_out import hold_out
from hidden_gems.models.size import DataSize
from hidden_gems.training.examples import RETURNS_START
from hidden_gems.training.loop import LoopConfig, Progress
from hidden_gems.training.ncf import NCFRecommender, NCFSettings
from hidden_gems.training.negatives import NegativesConfig
from tests.logs import facts_of, log_of, town

LOG = town(events=2000)
ATTRIBUTES = np.zeros((LOG.items, 2), dtype=np.float32)
ATTRIBUTES[1:, 0] = np.arange(LOG.items - 1) % 2
SMALL = NCFSettings(width=16, hidden=(16, 8), loop=LoopConfig(epochs=4, batch=64, checkpoint_steps=3))


class KilledError(Exception):
    pass


def test_defaults_are_the_plans() -> None:
    plan = NCFSettings(
        width=128,
        hidden=(128, 64, 32),
        dropout=0.2,
        loop=LoopConfig(decay=1e-5),
        negatives=NegativesConfig(per_positive=4),
        user_dropout=0.05,
        item_dropout=0.03,
        table_rate=0.02,
        spectral_gain=4.0,
        hard_every=3,
    )
    assert NCFSettings() == plan


@pytest.fixture(scope="module")
def fitted() -> NCFRecommender:
    return NCFRecommender(facts_of(ATTRIBUTES), settings=SMALL).fit(LOG)


def test_tells_groups_of_people_apart(fitted: NCFRecommender) -> None:
    people = np.arange(1, LOG.users)
    scores = fitted.score_catalogue(people, LOG.moments[np.full(len(people), -1)])[:, 1:]
    own = np.arange(LOG.items - 1)[None] % 4 == (people[:, None] - 1) % 4
    assert scores[own].mean() > scores[~own].mean() + 1.0


def test_searches_the_number_of_epochs_then_fits_on_everything(fitted: NCFRecommender) -> None:
    search, fit = fitted.reports
    assert 1 <= search.best_epoch <= 4
    assert search.validations[search.best_epoch - 1] == max(search.validations)
    assert len(fit.losses) == search.best_epoch
    assert fit.validations == []


def test_untrained_rows_are_the_unknown_row_with_their_own_attributes() -> None:
    pairs = [(person, item) for person in range(1, 12) for item in (1, 2, 3) if (person + item) % 3]
    attributes = np.array([[0], [1], [0], [1], [0], [1]], dtype=np.float32)
    settings = replace(SMALL, loop=LoopConfig(epochs=20, batch=4))
    model = NCFRecommender(facts_of(attributes), settings=settings).fit(log_of(pairs, users=14, items=6))
    for table, trained, untrained in ((model.module.user, 3, 12), (model.module.item, 3, 4), (model.module.bias, 3, 5)):
        assert torch.equal(table.weight[untrained], table.weight[0])
        assert not torch.equal(table.weight[trained], table.weight[0])
    user, when = np.array([1, 1]), Moments.at(np.array([1_777_904_999] * 2))
    known, other = model.score(user, np.array([4, 5]), when)
    assert known != other  # attributes 0 and 1
    assert known == model.score(user[:1], np.array([0]), when[:1])[0]


def test_time_matters_unless_times_are_an_order(fitted: NCFRecommender) -> None:
    user, item = np.array([3, 3]), np.array([5, 5])
    morning, night = 1_777_870_800, 1_777_914_000
    assert np.ptp(fitted.score(user, item, Moments.at(np.array([morning, night])))) > 0
    ordered = NCFRecommender(facts_of(ATTRIBUTES, order_only=True), SMALL).fit(LOG)
    assert np.ptp(ordered.score(user, item, Moments.at(np.array([morning, night])))) == 0


def test_killed_and_resumed_scores_the_same(tmp_path: Path) -> None:
    count = 0

    def kill(_: Progress) -> None:
        nonlocal count
        count += 1
        if count == 40:
            raise KilledError

    settings = replace(SMALL, negatives=NegativesConfig(hard_share=0.25, hard_depth=5), hard_every=2)
    with pytest.raises(KilledError):
        NCFRecommender(facts_of(ATTRIBUTES), settings=settings, checkpoint=tmp_path, progress=kill).refit(LOG)
    resumed = NCFRecommender(facts_of(ATTRIBUTES), settings=settings, checkpoint=tmp_path).refit(LOG)
    unbroken = NCFRecommender(facts_of(ATTRIBUTES), settings=settings).refit(LOG)
    without = NCFRecommender(facts_of(ATTRIBUTES), settings=SMALL).refit(LOG)
    scores = [model.score(LOG.user, LOG.item, LOG.moments) for model in (resumed, unbroken, without)]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert (scores[1] != scores[2]).any()  # hard negatives teach something else
    hard = torch.load(tmp_path / "fit" / "last.pt", weights_only=True)["task"]["hard"].numpy()
    assert hard.shape == (LOG.users, 5)
    assert hard.dtype == np.int64
    assert (hard[1:] >= 1).all()
    assert not {(user, item) for user in range(LOG.users) for item in hard[user]} & set(
        zip(LOG.user, LOG.item, strict=True)
    )
    assert resumed.reports == unbroken.reports
    assert len(unbroken.reports) == 1  # nothing held out, nothing searched


def test_what_cannot_be_fitted() -> None:
    with pytest.raises(BadInputError, match="facts about each of 41 items, got 40"):
        NCFRecommender(facts_of(ATTRIBUTES[:-1])).fit(LOG)
    with pytest.raises(BadInputError, match="no positive interaction"):
        NCFRecommender(facts_of(ATTRIBUTES[:3])).fit(log_of([(0, 1), (1, 0)], users=2, items=3))


def test_settings_come_back(fitted: NCFRecommender, tmp_path: Path) -> None:
    model = NCFRecommender(facts_of(ATTRIBUTES, timezone="America/New_York", order_only=True), SMALL).fit(LOG)
    model.save(tmp_path)
    loaded = NCFRecommender.load(tmp_path)
    assert (loaded.facts.timezone, loaded.facts.order_only, loaded.settings) == ("America/New_York", True, SMALL)
    np.testing.assert_array_equal(loaded.facts.attributes, ATTRIBUTES)


def test_starts_from_popularity_and_spectral_embeddings() -> None:
    frozen = replace(SMALL, loop=LoopConfig(epochs=1, batch=4096, rate=0.0, decay=0.0))
    model = NCFRecommender(facts_of(ATTRIBUTES), settings=frozen).refit(LOG)
    user, met = model.module.user.weight.detach().numpy(), np.bincount(LOG.item, minlength=LOG.items)
    unique = np.array([len(np.unique(LOG.user[LOG.item == item])) for item in range(LOG.items)]) + 1.0
    bias = model.module.bias.weight.detach().numpy()[:, 0]
    np.testing.assert_allclose(bias[met > 0], np.log(unique / unique.mean())[met > 0], rtol=1e-5)
    assert np.abs(user[:, :3]).mean() > 10 * np.abs(user[:, 3:]).mean()  # 31 people carry 3 directions, 8 rows each
    who, what = np.array([3]), np.array([5])
    product = user[3] @ model.module.item.weight.detach().numpy()[5]
    expected = 4.0 * product + bias[5] - np.log(4)
    before = Moments.at(np.array([LOG.timestamp[0]]))  # nobody has been anywhere
    np.testing.assert_allclose(model.score(who, what, before), [expected], rtol=1e-5)


def test_own_visits_bring_people_back_to_their_places() -> None:
    pairs = [(1 + step % 8, 1 + step % 8 if step % 7 else 9 + step % 10) for step in range(400)]
    log = log_of(pairs, users=10, items=20)
    model = NCFRecommender(facts_of(ATTRIBUTES[:20]), replace(SMALL, spectral_gain=0.0)).refit(log)
    when = Moments.at(np.full(8, log.timestamp[-1] + 60))
    assert (model.score_catalogue(np.arange(1, 9), when).argmax(axis=1) == np.arange(1, 9)).mean() > 0.7
    weight = model.module.returns.weight.detach().numpy()
    assert weight.sum() > 1.0
    assert np.abs(weight - RETURNS_START).max() > 1e-4  # few steps, and the first ones are short
    assert 0.0 < abs(model.module.returns.kept.item()) < 0.5  # starts from nothing kept, and learns
    before = Moments.at(when.timestamp - 400 * 86_400)  # nobody had been anywhere
    own = np.arange(1, 9)
    assert (model.score(own, own, when) - model.score(own, own, before) > 1.0).all()


def test_known_items_are_raised_as_far_as_held_out_visits_ask_and_learning_knows_nothing_of_it() -> None:
    pairs = [(1 + step % 8, 1 + step % 8 if step % 3 else 9 + step * 7 % 190) for step in range(790)]
    early, held_out = hold_out(log_of(pairs, users=10, items=200))
    assert held_out is not None
    assert held_out.repeats
    model = NCFRecommender(facts_of(np.zeros((200, 1), dtype=np.float32)), replace(SMALL, spectral_gain=0.0)).choose(
        early, held_out
    )
    chosen, values = model.shift, []
    for shift in (0.0, 1.0, 2.0, 4.0, 8.0):
        model.module.returns.shift.fill_(shift)
        scores = model.score_catalogue(held_out.user, held_out.moments)
        values.append((np.nanmean(held_out.ndcg(scores, repeat=True)), -shift))
    assert chosen == -max(values)[1]
    model.shift = 8.0
    raised = model.refit(early).score_catalogue(held_out.user, held_out.moments)
    model.shift = 0.0
    plain = model.refit(early).score_catalogue(held_out.user, held_out.moments)
    known = (held_out.seen.toarray() > 0)[:, 1:]
    np.testing.assert_allclose(raised[:, 1:] - plain[:, 1:], np.where(known, 8.0, 0.0), atol=1e-4)
    model.shift = 8.0
    model.forget_choice()
    assert model.shift == 0.0


def test_own_visits_count_nothing_where_nobody_comes_back() -> None:
    pairs = [(user, item) for item in range(1, 11) for user in range(1, 9) if (user + item) % 3]
    model = NCFRecommender(facts_of(ATTRIBUTES[:15]), SMALL).refit(log_of(pairs, users=9, items=15))
    returns = model.module.returns
    assert (returns.weight.tolist(), returns.kept.item(), returns.shift.item()) == ([0.0] * 9, 1.0, 0.0)
    assert not any(parameter.requires_grad for parameter in returns.parameters())


def test_sizes_that_fit_the_data() -> None:
    size = DataSize(people=1_000, items=5_000, interactions=250_000, catalogue=30_000, history=30)
    plan = NCFSettings.of("plan", replace(size, interactions=10**6))
    assert plan == NCFSettings()
    assert (plan.width, plan.hidden, plan.dropout, plan.loop.decay) == (128, (128, 64, 32), 0.2, 1e-5)
    assert NCFSettings.of("auto", size) == NCFSettings()
    wide = NCFSettings.of("auto", replace(size, people=1_001))
    assert (wide.width, wide.hidden, wide.loop.batch) == (64, (64, 32), 1024)
    long = NCFSettings.of("auto", replace(size, interactions=250_001))
    assert (long.width, long.hidden, long.loop.batch) == (64, (64, 32), 4096)
