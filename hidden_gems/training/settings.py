"""Settings out of plain values, as a JSON file or a saved model holds them."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_origin, get_type_hints

from hidden_gems.core.errors import BadInputError

T = TypeVar("T")


def settings_from(kind: type[T], values: Mapping[str, Any]) -> T:
    """A dataclass from what `dataclasses.asdict` gave, nested ones and tuples included.

    Raises:
        BadInputError: If a name is not a field of it.
    """
    if not is_dataclass(kind):
        raise TypeError(f"{kind.__name__} is no dataclass")
    unknown = set(values) - {each.name for each in fields(kind)}
    if unknown:
        raise BadInputError(f"{kind.__name__} has no setting {', '.join(sorted(unknown))}")
    types = get_type_hints(kind)
    return kind(**{name: _value(types[name], value) for name, value in values.items()})


def _value(kind: Any, value: Any) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        return settings_from(kind, value)
    return tuple(value) if get_origin(kind) is tuple else value
