import math
from dataclasses import replace

import pytest
import torch

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.models.gru4rec import GRU4Rec, GRU4RecConfig
from hidden_gems.models.sasrec import SASRec, SASRecConfig
from hidden_gems.models.sequences import SequenceModel, gap_bucket

ITEMS, CONTEXT = 9, 3
SAS = SASRecConfig(items=ITEMS, context=CONTEXT, width=8, heads=2, inner=12, positions=6)
GRU = GRU4RecConfig(items=ITEMS, context=CONTEXT, width=8, hidden=10, positions=6)
ATTRIBUTES = torch.rand(ITEMS, 2, generator=torch.Generator().manual_seed(3))
PLACE = torch.stack([41.0 + torch.arange(ITEMS) / 100, torch.full((ITEMS,), 29.0)], dim=1).double()


def _shaken(module: SequenceModel) -> SequenceModel:
    torch.manual_seed(1)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module.eval()


def _sasrec(config: SASRecConfig = SAS) -> SASRec:
    return _shaken(SASRec(config, ATTRIBUTES, PLACE))  # type: ignore[return-value]


def _gru4rec(config: GRU4RecConfig = GRU) -> GRU4Rec:
    return _shaken(GRU4Rec(config, ATTRIBUTES))  # type: ignore[return-value]


@pytest.fixture(params=["sasrec", "gru4rec"])
def model(request: pytest.FixtureRequest) -> SequenceModel:
    return _sasrec() if request.param == "sasrec" else _gru4rec()


HISTORY = torch.tensor([[0, 0, 3, 1, 3, 5]])
AGES = torch.tensor([[0.0, 0.0, 9.0, 5.0, 2.0, 0.5]]) * DAY_SECONDS
NOW = torch.tensor([[0.3, -0.2, 1.0]])


def _scores(model: SequenceModel, history: torch.Tensor, ages: torch.Tensor) -> torch.Tensor:
    return model.scores(model.person(history, ages, NOW), history, ages)


def test_defaults_are_the_plans() -> None:
    sas, gru = SASRecConfig(items=1, context=1), GRU4RecConfig(items=1, context=1)
    assert (sas.width, sas.layers, sas.heads, sas.inner, sas.dropout, sas.positions) == (128, 2, 4, 512, 0.1, 50)
    assert (gru.width, gru.hidden, gru.layers, gru.dropout, gru.session_days) == (128, 128, 2, 0.1, 30.0)


def test_scores_are_logarithms_of_chances(model: SequenceModel) -> None:
    torch.testing.assert_close(_scores(model, HISTORY, AGES).exp().sum(), torch.tensor(1.0))
    nothing = torch.zeros(1, 1, dtype=torch.int64)
    torch.testing.assert_close(_scores(model, nothing, nothing.float()).exp().sum(), torch.tensor(1.0))


def test_padding_changes_nothing(model: SequenceModel) -> None:
    torch.testing.assert_close(_scores(model, HISTORY[:, 2:], AGES[:, 2:]), _scores(model, HISTORY, AGES))
    nothing = torch.zeros(1, 4, dtype=torch.int64)
    torch.testing.assert_close(
        model.encode(nothing, nothing.float())[:, -1], model.encode(nothing[:, :1], nothing[:, :1].float())[:, -1]
    )


def test_states_know_nothing_of_later_events(model: SequenceModel) -> None:
    later = HISTORY.clone()
    later[0, -1] = 7
    before, after = model.encode(HISTORY, AGES), model.encode(later, AGES)
    torch.testing.assert_close(before[:, :-1], after[:, :-1])
    assert (before[:, -1] - after[:, -1]).abs().max() > 1e-3


def test_people_of_a_batch_do_not_mix(model: SequenceModel) -> None:
    other = torch.tensor([[4, 4, 2, 8, 7, 6]])
    both = _scores(model, torch.cat([HISTORY, other]), torch.cat([AGES, AGES.flip(1) + 60.0]))
    torch.testing.assert_close(both[:1], _scores(model, HISTORY, AGES))


def test_training_and_request_agree(model: SequenceModel) -> None:
    rows = torch.arange(ITEMS)
    past = (HISTORY.expand(2, -1), AGES.expand(2, -1), NOW.expand(2, -1))
    window = (HISTORY, AGES, torch.tensor([5, 5]))
    own, logits, repeat, gate = model(window, past, (torch.tensor([3, 7]), torch.tensor([1]), rows))
    assert own.shape == (1,)
    torch.testing.assert_close(own[0], logits[0, 7])
    scores, person = model.request(HISTORY, AGES, NOW, torch.tensor([7, 3, 1]))
    assert person.shape == (1, 8)
    unseen = logits[0, torch.tensor([0, 2, 4, 6, 7, 8])]
    as_new = torch.nn.functional.logsigmoid(-gate[1]) + own[0] - torch.logsumexp(unseen, 0)
    torch.testing.assert_close(scores[0], as_new)
    torch.testing.assert_close(scores[1], torch.nn.functional.logsigmoid(gate[0]) + repeat[0])
    assert repeat[1] < -60


def test_no_candidates_give_no_scores(model: SequenceModel) -> None:
    assert model.request(HISTORY, AGES, NOW, torch.zeros(0, dtype=torch.int64))[0].shape == (0,)


def test_weights_of_events_by_hand() -> None:
    model = _sasrec()
    repeats = model.repeats
    torch.nn.init.zeros_(repeats.key.weight)
    weight, gate = repeats(HISTORY, AGES, torch.zeros(1, 8))
    assert weight[0, :2].tolist() == [0.0, 0.0]
    bucket = int(math.log2(1 + 5 * 24 * 60))
    total = repeats.by_age.weight[0, bucket] + repeats.by_step.weight[0, 3]  # 3 steps back: 2 log2 3
    total = total + repeats.by_hour.weight[0, 0] + repeats.by_day.weight[0, 2]  # same hour, 2 days off a week
    torch.testing.assert_close(weight[0, 3], total.exp())
    expected = repeats.gate.weight[0, 8] * torch.log1p(weight.sum()) + repeats.gate.bias[0]
    torch.testing.assert_close(gate[0], expected)


def test_half_a_day_off_is_the_other_end_of_the_clock() -> None:
    repeats = _sasrec().repeats
    torch.nn.init.zeros_(repeats.key.weight)
    weight, _ = repeats(torch.tensor([[3]]), torch.tensor([[0.5 * DAY_SECONDS]]), torch.zeros(1, 8))
    total = repeats.by_hour.weight[0, 12] + repeats.by_day.weight[0, 0] + repeats.by_step.weight[0, 0]
    torch.testing.assert_close(weight[0, 0], (total + repeats.by_age.weight[0, 9]).exp())  # 720 minutes: bucket 9


def test_an_order_has_steps_and_no_hours() -> None:
    model = _sasrec(replace(SAS, order_only=True))
    steps = torch.tensor([[0.0, 0.0, 4.0, 3.0, 2.0, 1.0]])
    weight = model.repeats(HISTORY, steps, torch.zeros(1, 8))[0]
    torch.testing.assert_close(weight, model.repeats(HISTORY, steps * 7, torch.zeros(1, 8))[0])


def test_buckets_of_gaps() -> None:
    seconds = torch.tensor([-5.0, 0.0, 59.0, 60.0, 180.0, 1e12])
    assert gap_bucket(seconds, order_only=False).tolist() == [0, 0, 0, 1, 2, 25]
    steps = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0, 1e9])
    assert gap_bucket(steps, order_only=True).tolist() == [0, 0, 2, 3, 4, 25]


def test_attention_is_a_share_of_the_events() -> None:
    model = _sasrec()
    shares = model.attention(HISTORY, AGES)
    torch.testing.assert_close(shares.sum(), torch.tensor(1.0))
    assert shares[0, :2].tolist() == [0.0, 0.0]
    assert (shares[0, 2:] > 0).all()
    longer = torch.cat([torch.tensor([[2, 2]]), HISTORY], dim=1)
    assert model.attention(longer, torch.cat([AGES[:, :2], AGES], dim=1)).shape == (1, 8)


def test_last_block_mixes_by_its_attention() -> None:
    model = _sasrec()
    _, read, bias = model._run(HISTORY, AGES)
    block = model.blocks[-1]
    value = block._heads(read)[2]
    mixed = (block.weights(read, bias) @ value).transpose(1, 2).flatten(2)
    x = read + block.mixed_out(mixed)
    torch.testing.assert_close(model.norm(x + block.inner(block.before_inner(x))), model.encode(HISTORY, AGES))


def test_only_the_last_positions_are_read_but_all_count_as_repeats() -> None:
    model = _sasrec()
    longer, ages = torch.cat([torch.tensor([[8, 2]]), HISTORY], 1), torch.cat([AGES[:, 2:3] + 5, AGES[:, 2:3], AGES], 1)
    torch.testing.assert_close(model.encode(longer, ages), model.encode(HISTORY, AGES))
    scores = [_scores(model, *past)[0, 8] for past in ((longer, ages), (HISTORY, AGES))]
    assert scores[0] != scores[1]


def test_time_and_distance_bias_attention() -> None:
    model = _sasrec()
    near = model.attention(HISTORY, AGES)
    assert (near - model.attention(HISTORY, AGES * 40)).abs().max() > 1e-3
    nowhere = _shaken(SASRec(SAS, ATTRIBUTES, PLACE * torch.nan))
    assert (near - nowhere.attention(HISTORY, AGES)).abs().max() > 1e-3  # type: ignore[attr-defined]


def test_a_place_that_is_not_known_has_no_distance() -> None:
    place = PLACE.clone()
    place[1] = torch.nan
    model: SASRec = _shaken(SASRec(SAS, ATTRIBUTES, place))  # type: ignore[assignment]
    bias = model._distance_bias(HISTORY)
    assert not bias[:, 0, :, 3].any()
    assert not bias[:, 0, 3].any()
    assert bias[:, 0, 5, 4].all()


def test_a_session_ends_after_its_days() -> None:
    model = _gru4rec(replace(GRU, session_days=6.0))
    torch.testing.assert_close(model.encode(HISTORY, AGES)[:, -1], model.encode(HISTORY[:, 3:], AGES[:, 3:])[:, -1])
    longer = _gru4rec(replace(GRU, session_days=9.0))
    assert (longer.encode(HISTORY, AGES) - model.encode(HISTORY, AGES))[:, -1].abs().max() > 1e-3
    ordered = _gru4rec(replace(GRU, session_days=1e-9, order_only=True))
    steps = torch.tensor([[0.0, 0.0, 4.0, 3.0, 2.0, 1.0]])
    changed = HISTORY.clone()
    changed[0, 2] = 6
    assert (ordered.encode(HISTORY, steps) - ordered.encode(changed, steps))[:, -1].abs().max() > 1e-4


def test_folding_attributes_changes_no_score(model: SequenceModel) -> None:
    before = _scores(model, HISTORY, AGES)
    model.fold()
    torch.testing.assert_close(_scores(model, HISTORY, AGES), before)
    assert model.from_attributes is None


def test_a_context_that_training_never_showed_changes_nothing() -> None:
    torch.manual_seed(0)
    for module in (SASRec(SAS, ATTRIBUTES, PLACE).eval(), GRU4Rec(GRU, ATTRIBUTES).eval()):
        plain = module.person(HISTORY, AGES, torch.zeros(1, CONTEXT))
        torch.testing.assert_close(module.person(HISTORY, AGES, NOW), plain)


def test_dropout_acts_in_training_only(model: SequenceModel) -> None:
    assert torch.equal(model.encode(HISTORY, AGES), model.encode(HISTORY, AGES))
    model.train()
    assert not torch.equal(model.encode(HISTORY, AGES), model.encode(HISTORY, AGES))
