from dataclasses import replace

import numpy as np
import pytest
import torch

from hidden_gems.features.context import CONTEXT_NAMES
from hidden_gems.features.facts import ItemFacts
from hidden_gems.models.pairs import Pairs
from hidden_gems.models.tables import tables_of
from hidden_gems.models.traces import KERNELS
from hidden_gems.models.wide_deep import NEAREST, PAIR_INPUTS, WideDeep, WideDeepConfig
from tests.logs import log_of

DAY = 86_400.0
LOG = log_of([(1, 1), (1, 2), (2, 1), (2, 3)], users=4, items=6)
FACTS = replace(
    ItemFacts.none(6),
    kind=np.array([0, 1, 1, 2, 2, 0]),
    area=np.array([0, 1, 2, 1, 2, 1]),
    attributes=np.eye(6, 2, dtype=np.float32),
    place=np.array([[np.nan, np.nan], [41.0, 29.0], [41.0, 29.0], [41.09, 29.0], [41.0, 29.001], [np.nan, np.nan]]),
    home=np.array([[np.nan, np.nan], [41.0, 29.0], [np.nan, np.nan], [41.0, 29.0]]),
    person=np.array([[0], [1], [0], [1]], dtype=np.float32),
)


def _model() -> WideDeep:
    torch.manual_seed(0)
    items, users = tables_of(FACTS, Pairs.of(LOG))
    config = WideDeepConfig(
        users=4, items=6, likes=(3, 3, 3), context=len(CONTEXT_NAMES), attributes=2, person=1, factors=4, width=3,
        moment_width=2, hidden=(8, 4),
    )  # fmt: skip
    model = WideDeep(config, items, users)
    for name, parameter in model.named_parameters():
        if "deep" not in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def _request(people: int) -> dict[str, torch.Tensor]:
    history = torch.tensor([[0, 2, 1], [0, 0, 3], [0, 0, 0]])[:people]
    ages = torch.tensor([[0, 5 * DAY, DAY], [0, 0, 9.0], [0, 0, 0]])[:people]
    return {
        "user": torch.tensor([1, 2, 0])[:people], "context": torch.randn(3, len(CONTEXT_NAMES))[:people],
        "history": history, "ages": ages,
    }  # fmt: skip


def test_defaults_are_the_plans() -> None:
    config = WideDeepConfig(users=1, items=1, likes=(1, 1, 1), context=1, attributes=0, person=0)
    assert (config.width, config.moment_width, config.hidden) == (16, 8, (256, 128, 64, 32))


def test_starts_as_popularity() -> None:
    torch.manual_seed(0)
    items, users = tables_of(FACTS, Pairs.of(LOG))
    model = WideDeep(_model().config, items, users).eval()
    logits = model.catalogue(**_request(3), step=2)
    torch.testing.assert_close(logits, items.popularity.expand(3, -1))
    assert items.popularity[1] > items.popularity[2] == items.popularity[3] > items.popularity[4]


@pytest.mark.parametrize("step", [1, 2, 9])
def test_the_catalogue_is_what_forward_gives(step: int) -> None:
    model, request = _model(), _request(3)
    item = torch.arange(6).expand(3, -1)
    torch.testing.assert_close(model.catalogue(**request, step=step), model(item=item, **request))


def test_own_visits_shares_and_distances_by_hand() -> None:
    model, request = _model(), _request(3)
    rows = torch.tensor([[1, 2, 4, 5]] * 3)
    person = model.person(request["user"], request["user"], *list(request.values())[1:])
    seen = {}

    def counts(keys: torch.Tensor, history: torch.Tensor, size: int, weights: torch.Tensor) -> torch.Tensor:
        from hidden_gems.models.traces import met_candidates

        seen[size, len(seen)] = weights.shape[-1]
        return met_candidates(keys, history, weights)

    pair = model.pair(person, model.candidates(rows, rows), counts)
    assert pair.shape == (3, 4, PAIR_INPUTS)
    assert list(seen) == [(6, 0), (3, 1), (3, 2), (3, 3)]
    assert list(seen.values()) == [len(KERNELS), 3, 3, 3]
    assert pair[0, :, 0].tolist() == pytest.approx([np.log(2), np.log(2), 0, 0])
    kinds = pair[0, :, len(KERNELS)]  # both of the two were of the first type
    assert kinds.tolist() == pytest.approx([np.log1p(50 * 2 / 3)] * 2 + [0, 0])
    near = (person.near[0][0] * model.target.weight[1]).sum()
    assert pair[0, 0, NEAREST].item() == pytest.approx(near.item(), abs=1e-5)
    log_km, tens = pair[0, :, -6:-3], pair[0, :, -3:]
    assert log_km[:2].tolist() == [pytest.approx([0, 0, 0], abs=1e-4)] * 2
    assert tens[2, 2].item() == pytest.approx(111.19 * 0.001 * np.cos(np.radians(41.0)) / 10, rel=1e-2)
    assert log_km[3].tolist() == tens[3].tolist() == [0, 0, 0]  # nobody knows where it is
    assert pair[1, 0, -3].item() == pytest.approx(1.0, rel=0.01)  # 10 km from the last place
    assert pair[1, 0, -1].item() == 0  # no home
    assert pair[2, 0, -6:].tolist() == [0] * 6


def test_an_unknown_row_reads_the_tables_of_row_0_and_its_own_facts() -> None:
    model, request = _model(), _request(1)
    nobody = {name: value.expand(2, -1) if value.dim() == 2 else value for name, value in request.items()}
    both = nobody | {"user": torch.tensor([3, 0])}
    with torch.no_grad():
        model.user.weight[3] = 99.0
    person = model.person(both["user"], both["user"], both["context"], both["history"], both["ages"])
    torch.testing.assert_close(person.embedding[0], person.embedding[1])
    assert person.placed.tolist() == [[1, 1, 1], [1, 1, 0]]
    torch.testing.assert_close(person.first[0] - person.first[1], _facts_of_three(model))
    assert model.item_row.tolist() == [0, 1, 2, 3, 0, 0]


def _facts_of_three(model: WideDeep) -> torch.Tensor:
    person, home = model.from_person.weight[:, -6], model.from_person.weight[:, -1]
    return person + home


def test_crosses_by_hand() -> None:
    model = _model()
    likes = model.item_likes[torch.tensor([[3, 4]])]
    crosses = model.crosses(torch.tensor([2]), torch.tensor([4]), likes)
    expected = torch.stack([model.user_type.weight[[8, 8], 0], model.area_time.weight[[9, 14], 0]], dim=1)
    torch.testing.assert_close(crosses[0], expected)
    context = torch.zeros(1, len(CONTEXT_NAMES))
    unknown_time = model.penalty(torch.tensor([2]), torch.tensor([[3]]), context)
    torch.testing.assert_close(
        unknown_time, (model.user_type.weight[8, 0].abs() + model.area_time.weight[5, 0].abs()) / 2
    )


@pytest.mark.parametrize(("sin", "cos", "time"), [(0.7, 0.7, 4), (0.7, -0.7, 2), (-0.7, -0.7, 1), (-0.7, 0.7, 3)])
def test_quarters_of_the_day(sin: float, cos: float, time: int) -> None:
    model, request = _model(), _request(1)
    request["context"] = torch.zeros(1, len(CONTEXT_NAMES))
    request["context"][0, :2] = torch.tensor([sin, cos])
    quiet = model.person(request["user"], request["user"], *list(request.values())[1:])
    request["context"][0, CONTEXT_NAMES.index("time_known")] = 1.0
    known = model.person(request["user"], request["user"], *list(request.values())[1:])
    assert (quiet.time.tolist(), known.time.tolist()) == ([0], [time])


def test_skies_and_temperatures_have_rows_of_their_own() -> None:
    from hidden_gems.models.wide_deep import _weather

    names = ("weather_known", "wet", "hot", "cold")
    seen = []
    for on in ((), ("hot",), ("cold",), ("weather_known",), ("weather_known", "wet"), ("weather_known", "wet", "cold")):
        context = torch.zeros(1, len(CONTEXT_NAMES))
        for name in on:
            context[0, CONTEXT_NAMES.index(name)] = 1.0
        seen += _weather(context).tolist()
    assert seen == [0, 1, 2, 3, 6, 8]
    assert set(names) < set(CONTEXT_NAMES)
