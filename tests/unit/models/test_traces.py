import numpy as np
import pytest
import torch

from hidden_gems.models.traces import (
    KERNELS,
    MEETING_SECONDS,
    Returns,
    kernel_weights,
    last_of_meetings,
    met_candidates,
    met_keys,
)

DAY = 86_400.0
HISTORY = torch.tensor([[0, 4, 2, 4]])
AGES = torch.tensor([[0.0, 7 * DAY, 1.5 * DAY, DAY]])


def _weights(name: str) -> list[float]:
    return kernel_weights(HISTORY, AGES)[0, :, KERNELS.index(name)].tolist()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("all", [0, 1, 1, 1]),
        ("rank_1", [0, np.exp(-2), np.exp(-1), 1]),
        ("rank_4", [0, np.exp(-0.5), np.exp(-0.25), 1]),
        ("rank_16", [0, np.exp(-2 / 16), np.exp(-1 / 16), 1]),
        ("day", [0, np.exp(-7), np.exp(-1.5), np.exp(-1)]),
        ("week", [0, np.exp(-1), np.exp(-1.5 / 7), np.exp(-1 / 7)]),
        ("month", [0, np.exp(-7 / 30), np.exp(-0.05), np.exp(-1 / 30)]),
        ("same_hour", [0, 1, 0, 1]),
        ("same_hour_of_week", [0, 1, ((1 + np.cos(3 * np.pi / 7)) / 2) ** 24, ((1 + np.cos(2 * np.pi / 7)) / 2) ** 24]),
    ],
)
def test_kernels_by_hand(name: str, expected: list[float]) -> None:
    assert _weights(name) == pytest.approx(expected, abs=1e-5)


def test_six_hours_away_is_half_the_same_hour() -> None:
    weight = kernel_weights(torch.tensor([[1]]), torch.tensor([[DAY / 4]]))[0, 0, KERNELS.index("same_hour")]
    assert weight.item() == pytest.approx(0.5**4)


def test_what_follows_at_once_on_the_same_item_is_one_meeting() -> None:
    history = torch.tensor([[0, 3, 3, 5, 3, 3]])
    ages = torch.tensor([[0.0, 2e5 + MEETING_SECONDS, 2e5, 1e5, 100.0 + MEETING_SECONDS - 1, 100.0]])
    assert last_of_meetings(history, ages).tolist() == [[0, 1, 1, 1, 0, 1]]
    assert MEETING_SECONDS == 12 * 3600
    ranks = kernel_weights(history, ages)[0, :, KERNELS.index("rank_1")]
    assert ranks.tolist() == pytest.approx([0, np.exp(-3), np.exp(-2), np.exp(-1), 0, 1])


def test_a_history_of_one_place() -> None:
    assert last_of_meetings(torch.tensor([[7], [0]]), torch.zeros(2, 1)).tolist() == [[1], [0]]


def test_counts_of_candidates_and_of_every_key_agree() -> None:
    weights = kernel_weights(HISTORY, AGES)
    some = met_candidates(torch.tensor([[4, 2, 3, 0]]), HISTORY, weights)
    assert some[0, :, 0].tolist() == [2, 1, 0, 0]
    every = met_keys(5, HISTORY, weights)
    assert every.shape == (1, 5, len(KERNELS))
    torch.testing.assert_close(every[:, [4, 2, 3, 0]], some)


def test_own_visits_change_nothing_at_first_and_never_what_is_new() -> None:
    returns = Returns()
    candidates, logits = torch.tensor([[4, 3]]), torch.tensor([[0.5, -1.0]])
    assert returns(logits, candidates, HISTORY, AGES).tolist() == logits.tolist()
    with torch.no_grad():
        returns.weight[0] = 2.0
    assert returns(logits, candidates, HISTORY, AGES).tolist() == [[pytest.approx(0.5 + 2 * np.log(3)), -1]]
    with torch.no_grad():
        returns.kept.fill_(0.2)
        returns.shift.fill_(3.0)
    assert returns(logits, candidates, HISTORY, AGES).tolist() == [[pytest.approx(3.1 + 2 * np.log(3)), -1]]
    expected = [1, 1, 3.2 + 2 * np.log(2), 1, 3.2 + 2 * np.log(3), 1]
    assert returns.catalogue(torch.ones(1, 6), HISTORY, AGES).tolist() == [pytest.approx(expected)]
