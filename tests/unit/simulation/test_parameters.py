from dataclasses import fields, is_dataclass, replace

import pytest

from hidden_gems.simulation.parameters import PARAMETERS, Parameters

FROZEN = "22a36fd57cff02fa5fb537a42ad2ecb4a187eae3a07b5467a60a07621927a3e2"


def _leaves() -> list[tuple[str, str]]:
    return [
        (branch.name, leaf.name) for branch in fields(Parameters) for leaf in fields(getattr(PARAMETERS, branch.name))
    ]


def _other(value: object) -> object:
    if value is None:
        return 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, tuple):
        return (*value[1:], value[0], value[0])
    assert isinstance(value, int | float)
    return value + 1


def test_the_parameters_are_frozen() -> None:
    """A change is an ADR and reruns every figure (decision 19)."""
    assert PARAMETERS.digest() == FROZEN


@pytest.mark.parametrize(("branch", "leaf"), _leaves())
def test_every_parameter_is_in_the_digest(branch: str, leaf: str) -> None:
    old = getattr(PARAMETERS, branch)
    assert is_dataclass(old)
    changed = replace(PARAMETERS, **{branch: replace(old, **{leaf: _other(getattr(old, leaf))})})
    assert changed.digest() != FROZEN


def test_knobs_of_drift_are_off() -> None:
    drift = PARAMETERS.drift
    assert (drift.swap_day, drift.quality_std_per_day, drift.shock_first_day) == (None, 0.0, None)


def test_logging_policy_explores_a_tenth() -> None:
    assert PARAMETERS.policy.uniform == 0.1
    assert PARAMETERS.feedback.slate == 10


def test_shares_add_up() -> None:
    assert sum(PARAMETERS.sessions.slot_shares) == pytest.approx(1.0)
    assert sum(PARAMETERS.weather.dry_shares) == pytest.approx(1.0)
    assert sorted(sum(PARAMETERS.tables.groups, ())) == sorted(name for name, _, _ in PARAMETERS.tables.hours)
