import json
from dataclasses import asdict, dataclass, field

import pytest

from hidden_gems.core.errors import BadInputError
from hidden_gems.training.loop import LoopConfig
from hidden_gems.training.ncf import NCFSettings
from hidden_gems.training.settings import settings_from


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1
    sizes: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    names: tuple[str, ...] = ()
    most: int | None = None


def test_settings_come_back_from_json() -> None:
    for settings in (Outer(Inner(0.5, (3,)), ("a", "b"), 4), NCFSettings(hidden=(8, 4), loop=LoopConfig(epochs=2))):
        assert settings_from(type(settings), json.loads(json.dumps(asdict(settings)))) == settings


def test_what_is_not_named_keeps_its_default() -> None:
    assert settings_from(Outer, {"inner": {"sizes": [7]}}) == Outer(Inner(0.1, (7,)))


def test_a_name_that_is_no_setting() -> None:
    with pytest.raises(BadInputError, match="Inner has no setting depth, rat"):
        settings_from(Outer, {"inner": {"rat": 1, "depth": 2, "rate": 3}})


def test_only_dataclasses() -> None:
    with pytest.raises(TypeError, match="int is no dataclass"):
        settings_from(int, {})
