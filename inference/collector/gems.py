"""Gems as callers send them, and what is known of those we have."""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator
from pydantic_core import PydanticCustomError

from hidden_gems.core import names
from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.core.kv import KeyValue
from hidden_gems.datasets.contract import FILES, VOCABULARIES, Column
from hidden_gems.events.records import ItemChange
from inference.collector.fields import Identity, Moment, Number, word_of

_LONGEST_TEXT = 2_000
_REMEMBERED = 10_000
_COLUMNS = tuple(column for column in FILES["items"] if column.name != "item_id")


class _Gem(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="after")
    def _whole(self) -> "_Gem":
        if (getattr(self, "lat", None) is None) != (getattr(self, "lon", None) is None):
            raise PydanticCustomError("invalid", "half a coordinate: lat and lon come together")
        return self


def _tags(value: Any) -> Any:
    return ";".join(value) if isinstance(value, list) and all(isinstance(each, str) for each in value) else value


def _field(column: Column) -> Any:
    kind: Any
    if column.kind == "number":
        kind = Annotated[Number, Field(ge=column.low, le=column.high)]
    elif column.kind == "time":
        kind = Moment
    else:
        kind = Annotated[str, Field(max_length=_LONGEST_TEXT), AfterValidator(lambda text: text.strip() or None)]
    made: Any = kind | None
    if column.name == "tags":
        made = Annotated[made, BeforeValidator(_tags)]
    elif column.name in VOCABULARIES:
        made = Annotated[made, BeforeValidator(word_of(column.name))]
    return (made, None)


_fields = {column.name: _field(column) for column in _COLUMNS}
Gem: type[BaseModel] = create_model(
    "Gem", __base__=_Gem, __doc__="Columns of a gem; what is left out is unknown.", **_fields
)
GemOfMany: type[BaseModel] = create_model(
    "GemOfMany", __base__=Gem, __doc__="A gem of a list.", item_id=(Identity, ...)
)


def columns_of(gem: BaseModel) -> dict[str, Any]:
    """Columns of a gem that are known, without its id."""
    return gem.model_dump(exclude_none=True, exclude={"item_id"})


class KnownGems:
    """Columns of gems: as they were last sent here, else as the learner noted them, else out of the release.

    Args:
        keys: Holds live gems.
        releases: Folder of the releases and their pointers.
        pointer: Name of the pointer.
    """

    def __init__(self, keys: KeyValue, releases: Path, pointer: str) -> None:
        self._keys, self._pointer = keys, releases / pointer
        self._sent: OrderedDict[str, ItemChange] = OrderedDict()
        self._release: tuple[str, Mapping[str, Mapping[str, Any]]] = ("", {})
        self._lock = Lock()

    def note(self, changes: Sequence[ItemChange]) -> None:
        """Remember what was sent, until the learner has noted it."""
        with self._lock:
            for change in changes:
                self._sent[change.item_id] = change
                self._sent.move_to_end(change.item_id)
            while len(self._sent) > _REMEMBERED:
                self._sent.popitem(last=False)

    def columns(self, item_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Columns of those gems that are known and not closed for good.

        Raises:
            PartUnavailableError: If the key-value store does not answer, or the release cannot be read.
        """
        known = self._of_release()
        found = {name: known[name] for name in item_ids if name in known}
        for name, change in self._live(item_ids).items():
            if change.columns is None:
                found.pop(name, None)
            else:
                found[name] = change.columns
        return found

    def _live(self, item_ids: Sequence[str]) -> dict[str, ItemChange]:
        texts = self._keys.get([names.live_item(name) for name in item_ids])
        live = {name: ItemChange.from_json(text) for name, text in zip(item_ids, texts, strict=True) if text}
        for name in item_ids:
            sent = self._sent.get(name)
            if sent is not None and (name not in live or live[name].timestamp <= sent.timestamp):
                live[name] = sent
        return live

    def _of_release(self) -> Mapping[str, Mapping[str, Any]]:
        try:
            version = self._pointer.read_text().strip()
            if version != self._release[0]:
                text = (self._pointer.parent / version / "tables" / "items.json").read_text(encoding="utf-8")
                self._release = (version, _rows(json.loads(text)))
        except FileNotFoundError:
            return self._release[1]
        except (OSError, ValueError, KeyError) as error:
            raise PartUnavailableError("release", f"the items that {self._pointer} names: {error}") from error
        return self._release[1]


def _rows(table: dict[str, list[Any]]) -> dict[str, dict[str, Any]]:
    wanted = [column.name for column in _COLUMNS if column.name in table]
    return {
        name: {column: value for column in wanted if (value := table[column][row]) is not None}
        for row, name in enumerate(table["item_id"])
    }
