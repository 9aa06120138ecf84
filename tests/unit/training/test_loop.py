from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hidden_gems.core.errors import BadInputError, StepFailedError
from hidden_gems.training.loop import CHECKPOINT_FILE, Epoch, LoopConfig, Progress, Report, WeightedLoss, train


class Line:
    """Learn y = 2 x + 1 with noise and dropout; `verdicts` are the validation values, epoch by epoch."""

    def __init__(self, verdicts: list[float] | None = None, examples: int = 50) -> None:
        torch.manual_seed(7)
        self.module = nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.3), nn.Linear(8, 1))
        self.examples = examples
        self.x = np.linspace(-1, 1, examples, dtype=np.float32)
        self.verdicts = verdicts
        self.seen: list[list[int]] = []
        self.epochs: list[int] = []
        self.shift = torch.zeros(1)

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        return [{"params": list(self.module.parameters()), "lr": rate}]

    def begin_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)
        self.shift = next(self.module.parameters()).detach().mean().reshape(1)

    def loss(self, model: Callable[..., Tensor], rows: np.ndarray, random: np.random.Generator) -> Tensor:
        self.seen.append(rows.tolist())
        x = torch.from_numpy(self.x[rows] + random.normal(0, 0.1, len(rows)).astype(np.float32))[:, None]
        return (model(x) - 2 * x - 1 + 0.01 * self.shift).square().mean()

    def validate(self) -> float | None:
        return None if self.verdicts is None else self.verdicts[len(self.epochs) - 1]

    def state(self) -> dict[str, Tensor]:
        return {"shift": self.shift, "epochs": torch.tensor(self.epochs)}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.shift, self.epochs = state["shift"], state["epochs"].tolist()


CONFIG = LoopConfig(epochs=4, batch=8, rate=0.05, warm_up_steps=4, checkpoint_steps=5)
STEPS = 7  # 50 examples in batches of 8


class KilledError(Exception):
    pass


def _parameters(task: Line) -> np.ndarray:
    return np.concatenate([parameter.detach().numpy().ravel() for parameter in task.module.parameters()])


def _trained(config: LoopConfig = CONFIG, **arguments: Any) -> tuple[Line, Report]:
    task = Line(**arguments)
    return task, train(task, config)


def test_defaults_are_the_plans() -> None:
    assert LoopConfig().decay == 1e-5
    assert LoopConfig() == LoopConfig(10, 1024, 1e-3, 1e-5, 50, 3, 0, "32-true", False, "cpu", 500, False, 0.0, 1)


def test_learns_and_reports() -> None:
    task, report = _trained()
    assert len(report.losses) == 4
    assert report.losses[-1] < report.losses[0] / 2
    assert report.validations == []
    assert report.best_epoch == 0
    assert not task.module.training


def test_every_epoch_shows_each_example_once_in_a_new_order() -> None:
    task, _ = _trained()
    starts = range(0, 4 * STEPS, STEPS)
    epochs = [[row for rows in task.seen[start : start + STEPS] for row in rows] for start in starts]
    assert task.epochs == [0, 1, 2, 3]
    for epoch in epochs:
        assert sorted(epoch) == list(range(50))
    assert epochs[0] != epochs[1] != sorted(epochs[1])
    assert [len(rows) for rows in task.seen[:STEPS]] == [8] * 6 + [2]


def test_the_seed_decides_everything_and_the_callers_chance_is_left_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    task = Line()
    torch.set_rng_state(before)
    train(task, CONFIG)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(_parameters(task), _parameters(_trained()[0]))
    other = _trained(LoopConfig(epochs=4, batch=8, rate=0.05, warm_up_steps=4, seed=1))[0]
    assert (_parameters(task) != _parameters(other)).any()


def test_the_rate_rises_in_the_warm_up() -> None:
    small = _trained(LoopConfig(epochs=1, batch=50, rate=0.05, warm_up_steps=10))[0]
    full = _trained(LoopConfig(epochs=1, batch=50, rate=0.05, warm_up_steps=1))[0]
    none = _trained(LoopConfig(epochs=1, batch=50, rate=0.05, warm_up_steps=0))[0]
    start = _parameters(Line())
    np.testing.assert_allclose(10 * (_parameters(small) - start), _parameters(full) - start, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(_parameters(full), _parameters(none))


def test_keeps_the_best_epoch_and_stops_when_patience_is_over() -> None:
    config = LoopConfig(epochs=9, batch=8, rate=0.05, patience=2)
    task, report = _trained(config, verdicts=[0.1, 0.3, 0.3, 0.2, 0.9, 0.9, 0.9, 0.9, 0.9])
    assert report.best_epoch == 2
    assert report.validations == [0.1, 0.3, 0.3, 0.2]
    two = _trained(LoopConfig(epochs=2, batch=8, rate=0.05))[0]
    np.testing.assert_array_equal(_parameters(task), _parameters(two))


@pytest.mark.parametrize("killed_at", [1, 5, 6, 7, 12, 20, 27])
def test_killed_and_resumed_ends_with_the_same_parameters(killed_at: int, tmp_path: Path) -> None:
    def kill(progress: Progress) -> None:
        if progress.step == killed_at:
            raise KilledError

    verdicts = [0.1, 0.5, 0.2, 0.3]
    unbroken, expected = _trained(verdicts=verdicts)
    with pytest.raises(KilledError):
        train(Line(verdicts), CONFIG, checkpoint=tmp_path, progress=kill)
    steps: list[int] = []
    resumed = Line(verdicts)
    report = train(resumed, CONFIG, checkpoint=tmp_path, progress=lambda progress: steps.append(progress.step))
    np.testing.assert_array_equal(_parameters(resumed), _parameters(unbroken))
    assert report == expected
    assert steps[0] == killed_at // 5 * 5 + 1  # from the last checkpoint, not from the start
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT_FILE]


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    first, again = Line(), Line()
    report = train(first, CONFIG, checkpoint=tmp_path)
    assert train(again, CONFIG, checkpoint=tmp_path) == report
    assert again.seen == []
    np.testing.assert_array_equal(_parameters(first), _parameters(again))


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    train(Line(), CONFIG, checkpoint=tmp_path)
    with pytest.raises(BadInputError, match=r"belongs to another run \(examples differ\)"):
        train(Line(examples=51), CONFIG, checkpoint=tmp_path)
    with pytest.raises(BadInputError, match=r"belongs to another run \(log differ\)"):
        train(Line(), CONFIG, checkpoint=tmp_path, identity={"log": "of somebody else"})
    with pytest.raises(BadInputError, match=r"belongs to another run \(epochs differ\)"):
        train(Line(), replace(CONFIG, epochs=5), checkpoint=tmp_path)
    wide = Line()
    wide.module = nn.Sequential(nn.Linear(1, 9), nn.Linear(9, 1))
    with pytest.raises(BadInputError, match=r"belongs to another run \(sizes differ\)"):
        train(wide, CONFIG, checkpoint=tmp_path)


def test_progress_counts_to_the_end() -> None:
    told: list[Progress] = []
    report = train(Line(), CONFIG, progress=told.append)
    assert [progress.step for progress in told] == list(range(1, 29))
    assert {progress.total for progress in told} == {28}
    assert told[-1].seconds_left == 0.0
    assert 0.0 < told[0].seconds_left < 600.0
    np.testing.assert_allclose(report.losses[0], np.mean([progress.loss for progress in told[:STEPS]]))
    assert told[0].loss > told[-1].loss


def test_bf16_is_near_float32() -> None:
    coarse = _trained(LoopConfig(epochs=4, batch=8, rate=0.05, warm_up_steps=4, precision="bf16-mixed", tf32=True))[0]
    torch.set_float32_matmul_precision("highest")
    exact = _trained()[0]
    assert (_parameters(coarse) != _parameters(exact)).any()
    np.testing.assert_allclose(_parameters(coarse), _parameters(exact), atol=0.2)


def test_progress_ends_where_early_stopping_ends() -> None:
    told: list[Progress] = []
    config = replace(CONFIG, epochs=9, patience=2)
    train(Line([0.3, 0.2, 0.1, 0.9]), config, progress=told.append)
    assert [progress.total for progress in told] == [9 * STEPS] * (3 * STEPS - 1) + [3 * STEPS]
    assert told[-2].seconds_left > 0.0
    assert (told[-1].step, told[-1].seconds_left) == (3 * STEPS, 0.0)


def test_every_epoch_is_told_with_its_rate() -> None:
    told: list[Epoch] = []
    config = replace(CONFIG, warm_up_steps=2 * STEPS)
    task = Line([0.1, 0.5, 0.2, 0.3])
    report = train(task, config, watch=told.append)
    assert [epoch.number for epoch in told] == [1, 2, 3, 4]
    assert [epoch.loss for epoch in told] == report.losses
    assert [epoch.validation for epoch in told] == [0.1, 0.5, 0.2, 0.3]
    np.testing.assert_allclose([epoch.rate for epoch in told], [0.025, 0.05, 0.05, 0.05])
    assert report.rates == [epoch.rate for epoch in told]


def test_a_resumed_run_tells_the_epochs_before_it_too(tmp_path: Path) -> None:
    def kill(progress: Progress) -> None:
        if progress.step == 2 * STEPS + 1:
            raise KilledError

    unbroken: list[Epoch] = []
    resumed: list[Epoch] = []
    train(Line(), CONFIG, watch=unbroken.append)
    with pytest.raises(KilledError):
        train(Line(), CONFIG, checkpoint=tmp_path, progress=kill)
    train(Line(), CONFIG, checkpoint=tmp_path, watch=resumed.append)
    assert resumed == unbroken
    assert resumed[0].validation is None


def test_what_it_took() -> None:
    _, report = _trained()
    assert 0.0 < report.seconds < 60.0
    assert 50_000_000 < report.peak_bytes < 50_000_000_000  # of the whole process


def test_in_shares_the_same_is_learned_with_chance_of_their_own() -> None:
    class Exact(Line):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))

        def loss(self, model: Callable[..., Tensor], rows: np.ndarray, random: np.random.Generator) -> Tensor:
            self.seen.append(rows.tolist())
            x = torch.from_numpy(self.x[rows])[:, None]
            return (model(x) - 2 * x - 1).square().mean()

    whole, parts = Exact(), Exact()
    report = train(whole, CONFIG)
    shared = train(parts, replace(CONFIG, shares=3))
    np.testing.assert_allclose(_parameters(parts), _parameters(whole), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(shared.losses, report.losses, rtol=1e-5)
    first, last = whole.seen[0], whole.seen[STEPS - 1]
    assert parts.seen[:3] == [first[0::3], first[1::3], first[2::3]]
    assert parts.seen[3 * STEPS - 3 : 3 * STEPS - 1] == [last[0:1], last[1:2]]  # two examples are dealt to two shares
    assert parts.seen[3 * STEPS - 1] != []
    noisy = _trained(replace(CONFIG, shares=3))[0]
    assert (_parameters(noisy) != _parameters(_trained()[0])).any()


def test_shares_of_a_weighted_loss_count_by_their_weight() -> None:
    class Weighted(Line):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.Sequential(nn.Linear(1, 1))

        def loss(self, model: Callable[..., Tensor], rows: np.ndarray, random: np.random.Generator) -> WeightedLoss:
            weight = torch.from_numpy(1.0 + np.float32(rows % 7))
            x = torch.from_numpy(self.x[rows])[:, None]
            parts = weight[:, None] * (model(x) - x.square()).square()
            return WeightedLoss(parts.sum() / weight.sum(), float(weight.sum()))

    whole, parts = Weighted(), Weighted()
    report = train(whole, CONFIG)
    shared = train(parts, replace(CONFIG, shares=4))
    np.testing.assert_allclose(_parameters(parts), _parameters(whole), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(shared.losses, report.losses, rtol=1e-5)


def test_a_parameter_that_a_step_does_not_use_stays_as_it_is() -> None:
    class Two(Line):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.3), nn.Linear(8, 1), nn.Linear(5, 5))

        def loss(self, model: Callable[..., Tensor], rows: np.ndarray, random: np.random.Generator) -> Tensor:
            return self.module[:3](torch.from_numpy(self.x[rows])[:, None]).square().mean()

    before = Two().module[3].weight.detach().clone()
    for shares in (1, 2):
        task = Two()
        train(task, replace(CONFIG, shares=shares, decay=0.1))
        assert torch.equal(task.module[3].weight, before)


def test_long_gradients_are_cut() -> None:
    def moved(clip_norm: float) -> float:
        """How far one step of Adam went: the rate, unless the gradient is far below its epsilon of 1e-8."""
        config = LoopConfig(epochs=1, batch=50, rate=0.05, warm_up_steps=0, decay=0.0, clip_norm=clip_norm)
        return float(np.abs(_parameters(_trained(config)[0]) - _parameters(Line())).max())

    assert moved(1e-12) < 1e-5 < moved(1.0)
    assert moved(1e9) == moved(0.0)


class Blocks(nn.Sequential):
    def checkpointed_blocks(self) -> Iterable[nn.Module]:
        return (self[0],)


def test_blocks_computed_twice_learn_the_same() -> None:
    def parameters(twice: bool) -> np.ndarray:
        task = Line()
        task.module = Blocks(nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Dropout(0.3)), nn.Linear(8, 1))
        train(task, replace(CONFIG, activation_checkpointing=twice))
        return _parameters(task)

    torch.manual_seed(0)
    expected = parameters(False)
    torch.manual_seed(0)
    np.testing.assert_array_equal(parameters(True), expected)
    with pytest.raises(BadInputError, match="Sequential has no blocks"):
        train(Line(), replace(CONFIG, activation_checkpointing=True))


def test_what_the_device_cannot_do() -> None:
    with pytest.raises(BadInputError, match="precision 16-mixed needs a GPU"):
        train(Line(), replace(CONFIG, precision="16-mixed"))
    if not torch.cuda.is_available():
        with pytest.raises(BadInputError, match="precision 16-mixed needs a GPU"):
            train(Line(), replace(CONFIG, precision="16-mixed", accelerator="auto"))
        with pytest.raises(BadInputError, match="accelerator gpu: there is no GPU here"):
            train(Line(), replace(CONFIG, accelerator="gpu"))


def test_a_loss_that_is_no_number_ends_the_run_in_words() -> None:
    class Broken(Line):
        def loss(self, model: Callable[..., Tensor], rows: np.ndarray, random: np.random.Generator) -> Tensor:
            return super().loss(model, rows, random) * (float("nan") if 0 in rows else 1.0)

    task = Broken()
    with pytest.raises(StepFailedError, match=r"the loss of step \d+ is nan; try a lower learning rate"):
        train(task, LoopConfig(epochs=1, batch=8))
    assert all(torch.isfinite(each).all() for each in task.module.parameters())
