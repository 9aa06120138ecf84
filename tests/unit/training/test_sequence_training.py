from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Interactions
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.facts import ItemFacts
from hidden_gems.training.gru4rec import GRU4RecRecommender, GRU4RecSettings
from hidden_gems.training.loop import LoopConfig, Progress
from hidden_gems.training.sasrec import SASRecRecommender, SASRecSettings
from hidden_gems.training.sequences import Choice
from tests.logs import log_of

LOOP = LoopConfig(epochs=12, batch=1, rate=1e-2, decay=0.0, warm_up_steps=5, checkpoint_steps=2)
SAS = SASRecSettings(width=16, heads=2, inner=16, length=10, remembered=15, predictions=60, loop=LOOP)
GRU = GRU4RecSettings(
    session_days=1000.0, width=16, hidden=16, layers=1, length=10, remembered=15, predictions=60, loop=LOOP
)
ITEMS = 13
Fitted = SASRecRecommender | GRU4RecRecommender


class KilledError(Exception):
    pass


def _round(people: int = 40, steps: int = 7) -> Interactions:
    """Everyone walks on from item to item in a circle, once past each."""
    pairs = [(1 + user, 1 + (user * 5 + step) % (ITEMS - 1)) for step in range(steps) for user in range(people)]
    return log_of(pairs, users=people + 2, items=ITEMS)


LOG = _round()


def _make(name: str) -> Fitted:
    facts = ItemFacts.none(ITEMS)
    return SASRecRecommender(facts, SAS) if name == "sasrec" else GRU4RecRecommender(facts, GRU)


@pytest.fixture(scope="module", params=["sasrec", "gru4rec"])
def fitted(request: pytest.FixtureRequest) -> Fitted:
    return _make(request.param).refit(LOG)


def _later(people: int) -> Moments:
    return LOG.moments[np.full(people, -1)]


def test_learns_what_comes_next(fitted: Fitted) -> None:
    people = np.arange(1, 41)
    when = replace(_later(40), timestamp=_later(40).timestamp + 1)
    following = 1 + ((people - 1) * 5 + 7) % (ITEMS - 1)
    best = fitted.score_catalogue(people, when).argmax(1)
    assert (best == following).mean() > 0.8
    assert fitted.reports[0].losses[-1] < fitted.reports[0].losses[0] - 0.5


def test_reads_only_what_came_before(fitted: Fitted) -> None:
    start = Moments.at(np.full(2, LOG.timestamp[0]))
    np.testing.assert_array_equal(*fitted.score_catalogue(np.array([0, 5]), start))


def test_remembers_another_log_without_learning(fitted: Fitted) -> None:
    parameters = {name: value.clone() for name, value in fitted.module.state_dict().items()}
    longer, when = _round(steps=8), _later(1)
    when = replace(when, timestamp=when.timestamp + 10**7)
    before = fitted.score_catalogue(np.array([5]), when)
    assert fitted.remember(longer) is fitted
    after = fitted.score_catalogue(np.array([5]), when)
    assert (before != after).any()
    np.testing.assert_array_equal(fitted.remember(LOG).score_catalogue(np.array([5]), when), before)
    assert all(torch.equal(parameters[name], value) for name, value in fitted.module.state_dict().items())


def test_people_who_come_back_are_sent_back() -> None:
    pairs = [(user, 1 + user % 6 if turn % 2 else 7 + turn // 2 % 6) for turn in range(11) for user in range(1, 31)]
    model = SASRecRecommender(ItemFacts.none(ITEMS), replace(SAS, loop=replace(LOOP, epochs=15)))
    model.refit(log_of(pairs, users=31, items=ITEMS))
    scores = model.score_catalogue(np.arange(1, 31), Moments.at(np.full(30, 2**33)))
    own = scores[np.arange(30), 1 + np.arange(1, 31) % 6]
    others = [np.delete(row[1:7], user % 6).max() for user, row in zip(range(1, 31), scores, strict=True)]
    assert (own > np.array(others)).mean() > 0.8  # a state may say that it is time for something new


def test_untrained_items_are_the_unknown_one() -> None:
    pairs = [(user, 1 + (user + k) % 4) for k in range(5) for user in range(1, 9)]
    model = SASRecRecommender(ItemFacts.none(7), SAS).refit(log_of(pairs, users=9, items=7))
    when = _later(3)
    scores = model.score(np.array([3, 3, 3]), np.array([0, 5, 6]), when)
    assert scores[0] == scores[1] == scores[2]
    assert model.module.table.weight[5].abs().sum() == 0


def test_draws_candidates_where_there_are_too_many() -> None:
    from hidden_gems.training.sequence_task import _chances

    count = np.array([1, 16, 81, 256])
    np.testing.assert_array_equal(_chances(count, 4), np.ones(4))
    weight = np.array([1, 8, 27, 64]) / 100
    np.testing.assert_allclose(_chances(count, 2), np.minimum(1.0, 2 * (0.125 + 0.5 * weight)))
    model = SASRecRecommender(ItemFacts.none(ITEMS), replace(SAS, candidates=6)).refit(LOG)
    people = np.arange(1, 41)
    when = replace(_later(40), timestamp=_later(40).timestamp + 1)
    following = 1 + ((people - 1) * 5 + 7) % (ITEMS - 1)
    assert (model.score_catalogue(people, when).argmax(1) == following).mean() > 0.8


def test_sampled_loss_is_right_on_average() -> None:
    full, sampled = (SASRecRecommender(ItemFacts.none(ITEMS), replace(SAS, candidates=n)) for n in (12, 8))
    torch.manual_seed(0)
    module = full.build(LOG).eval()
    exact, drawn = full.task(module, LOG, None), sampled.task(module, LOG, None)
    exact.begin_epoch(0)
    drawn.begin_epoch(0)
    rows = np.array([0])
    with torch.no_grad():
        one = float(exact.loss(module, rows, np.random.default_rng(0)))
        many = [float(drawn.loss(module, rows, np.random.default_rng(seed))) for seed in range(200)]
    assert abs(np.mean(many) - one) < 0.05  # the logarithm of an unbiased sum lies a little low
    assert np.std(many) > 1e-3


def test_killed_and_resumed_scores_the_same(tmp_path: Path) -> None:
    count = 0

    def kill(_: Progress) -> None:
        nonlocal count
        count += 1
        if count == 13:
            raise KilledError

    facts = ItemFacts.none(ITEMS)
    with pytest.raises(KilledError):
        SASRecRecommender(facts, SAS, checkpoint=tmp_path, progress=kill).refit(LOG)
    resumed = SASRecRecommender(facts, SAS, checkpoint=tmp_path).refit(LOG)
    unbroken = SASRecRecommender(facts, SAS).refit(LOG)
    for name, value in unbroken.module.state_dict().items():
        assert torch.equal(value, resumed.module.state_dict()[name])


def test_settings_come_back(fitted: Fitted, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    loaded = type(fitted).load(tmp_path)
    assert loaded.settings == fitted.settings
    assert loaded.histories.order_only is False
    np.testing.assert_array_equal(loaded.histories.item, fitted.histories.item)


def test_a_choice_comes_back_and_outlives_the_next_fit(fitted: Fitted, tmp_path: Path) -> None:
    people, choice = np.arange(1, 41), Choice(trust=0.5, habit=0.5, half_life=8.0, shift=2.0, longest_wait=60.0)
    chosen = replace(fitted)
    chosen.choice = choice
    chosen.refit(LOG)
    scores = chosen.score_catalogue(people, _later(40))
    assert np.abs(scores[:, 1:] - fitted.score_catalogue(people, _later(40))[:, 1:]).max() > 0.1
    chosen.save(tmp_path)
    loaded = type(chosen).load(tmp_path)
    np.testing.assert_array_equal(loaded.score_catalogue(people, _later(40)), scores)
    np.testing.assert_array_equal(loaded.refit(LOG).score_catalogue(people, _later(40)), scores)


def test_with_full_habit_the_last_items_come_first() -> None:
    model = _make("gru4rec").refit(LOG)
    model.choice = Choice(habit=1.0, half_life=1.0, shift=20.0)
    model.choice.into(model.module)
    when = replace(_later(1), timestamp=_later(1).timestamp + 1)
    order = np.argsort(-model.score_catalogue(np.array([3]), when)[0])
    assert order[:5].tolist() == LOG.item[LOG.user == 3][::-1][:5].tolist()


def test_somebody_long_away_is_read_as_about_to_go_on(fitted: Fitted) -> None:
    module = replace(fitted).refit(LOG).module
    history, context = torch.tensor([[0, 3, 5]]), torch.zeros(1, module.from_context.in_features)
    ages = DAY_SECONDS * torch.tensor([[0.0, 80.0, 40.0]])

    def asked(days: float) -> torch.Tensor:
        return module.person(history, ages + days * DAY_SECONDS, context)

    with torch.no_grad():
        free = [asked(days) for days in (0.0, 700.0)]
        Choice(longest_wait=40.0 * DAY_SECONDS).into(module)
        soon, late = (asked(days) for days in (0.0, 700.0))
    assert (free[0] - free[1]).abs().max() > 1e-4
    assert torch.equal(soon, free[0])
    assert torch.equal(late, soon)


def test_a_log_of_single_sittings_is_asked_as_if_they_went_on() -> None:
    """People walk along the items a minute apart; who is asked months later is about to take the next one."""
    random, rows = np.random.default_rng(0), []
    for user in range(1, 301):
        start, begin = int(random.integers(1, 40)), int(random.integers(0, 200)) * 86_400
        rows += [(user, (start + step) % 40 + 1, begin + 60 * step) for step in range(8)]
    user, item, seconds = np.array(sorted(rows, key=lambda row: row[2])).T
    ones = np.ones(len(user), dtype=np.float32)
    log = Interactions(user, item, seconds + 1_700_000_000, ones, users=301, items=41)
    settings = replace(SAS, loop=replace(SAS.loop, epochs=8, rate=3e-3))
    model = SASRecRecommender(ItemFacts.none(41), settings).fit(log)
    last = np.array([item[user == each][-1] for each in range(1, 301)])
    scores = model.score_catalogue(np.arange(1, 301), Moments.at(np.full(300, log.timestamp[-1] + 1)))
    assert np.mean(scores.argmax(axis=1) == last % 40 + 1) > 0.8


def test_where_nobody_comes_back_weights_stay_numbers() -> None:
    module = _make("sasrec").build(LOG)
    with torch.no_grad():
        module.repeats.by_step.weight.fill_(100.0)
    scores = module.scores(torch.zeros(1, 16), torch.tensor([[0, 2, 3]]), torch.tensor([[0.0, 60.0, 30.0]]))
    assert torch.isfinite(scores).all()


def test_starts_from_popularity_and_spectral_directions() -> None:
    module = _make("sasrec").build(LOG)
    earned = np.bincount(LOG.item, minlength=ITEMS) + 1.0
    np.testing.assert_allclose(module.bias.weight.detach().numpy()[:, 0], np.log(earned / earned.mean()), rtol=1e-5)
    table = module.table.weight.detach()
    assert table[1:, 0].abs().mean() > 10 * table[1:, 1:].abs().mean()  # 13 items carry 1 direction
    assert not table[0].any()
