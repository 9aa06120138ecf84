"""Rows straight out of and into Feast's Redis, without the milliseconds that Feast's own client takes (ADR-0089).

Feast 0.67 keeps one hash for each entity, entity key serialization version 3. Its key is the number of join keys, then
type and length of the join key and itself, then type and length of the id and itself, then the project; numbers are
little-endian and 4 bytes long. A field is named by the murmur3 hash of `view:feature` and holds a protobuf `Value`;
`_ts:view` holds a protobuf `Timestamp`.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import mmh3

from hidden_gems.core.kv import BATCH, Hash, KeyValue
from hidden_gems.features.raw import ITEM, USER
from hidden_gems.features.rows import ItemRow, UserRow
from hidden_gems.features.store import ITEM_KEY, ITEM_VIEW, PACKED, USER_KEY, USER_VIEW, Stamped, check_second

PROJECT = "hidden_gems"
"""Feast project of `feature_repo/feature_store.yaml`."""

_STRING_TYPE = 2  # of Feast's ValueType
_STRING_FIELD = 2 << 3 | 2  # `string_val` of Value: field 2, wire type 2 (length and bytes)
_DOUBLE_FIELD = bytes([5 << 3 | 1])  # `double_val` of Value: field 5, wire type 1 (8 bytes)
_SECONDS_FIELD = 1 << 3  # `seconds` of Timestamp: field 1, wire type 0 (varint)

Fields = Sequence[bytes | None]
AnyRow = TypeVar("AnyRow", UserRow, ItemRow)


@dataclass(frozen=True)
class HotRows:
    """Where Feast keeps the packed row of a person or a gem, and how to read what lies there.

    Examples:
        >>> key, fields = HotRows().item_hash("g1")
        >>> key[-13:], fields[1]
        (b'g1hidden_gems', b'_ts:item_rows')
    """

    project: str = PROJECT

    def user_hash(self, user_id: str) -> Hash:
        """Key and fields of a person's row, for `KeyValue.fetch`."""
        return self._hash(USER_VIEW, USER_KEY, user_id)

    def item_hash(self, item_id: str) -> Hash:
        """Key and fields of a gem's row, for `KeyValue.fetch`."""
        return self._hash(ITEM_VIEW, ITEM_KEY, item_id)

    def user_row(self, fields: Fields) -> Stamped[UserRow] | None:
        """Row in what `fetch` brought for a person; None where there is none."""
        return _stamped(fields, UserRow)

    def item_row(self, fields: Fields) -> Stamped[ItemRow] | None:
        """Row in what `fetch` brought for a gem; None where there is none."""
        return _stamped(fields, ItemRow)

    def _hash(self, view: str, join_key: str, name: str) -> Hash:
        key = struct.pack("<I", 1) + _text(join_key) + _text(name) + self.project.encode()
        return key, (_field(view, PACKED), _stamp_field(view))


@dataclass(frozen=True)
class HotStore:
    """A `FeatureStore` that overwrites, over what Feast reads and wrote; 1 round trip for a thousand rows."""

    keys: KeyValue
    rows: HotRows = HotRows()

    def write_users(self, rows: Mapping[str, UserRow], at: int) -> None:
        """Write what is true of people at a second after the epoch (1 or later), whatever is held."""
        self._put(USER_VIEW, USER, {self.rows.user_hash(name)[0]: row for name, row in rows.items()}, at)

    def write_items(self, rows: Mapping[str, ItemRow], at: int) -> None:
        """Write what is true of gems at a second after the epoch (1 or later), whatever is held."""
        self._put(ITEM_VIEW, ITEM, {self.rows.item_hash(name)[0]: row for name, row in rows.items()}, at)

    def read_users(self, user_ids: Sequence[str]) -> list[Stamped[UserRow] | None]:
        """Row of each person in the order of the ids; None where there is none."""
        return [self.rows.user_row(each) for each in self._fetched([self.rows.user_hash(name) for name in user_ids])]

    def read_items(self, item_ids: Sequence[str]) -> list[Stamped[ItemRow] | None]:
        """Row of each gem in the order of the ids; None where there is none."""
        return [self.rows.item_row(each) for each in self._fetched([self.rows.item_hash(name) for name in item_ids])]

    def _put(self, view: str, columns: Sequence[str], rows: Mapping[bytes, UserRow | ItemRow], at: int) -> None:
        check_second(at)
        names = [_field(view, name) for name in (PACKED, *columns)]
        stamped = {_stamp_field(view): bytes([_SECONDS_FIELD]) + _as_varint(at)}
        self.keys.put_fields(
            {
                key: dict(zip(names, (_text_value(row.pack()), *_double_values(row.totals)), strict=True)) | stamped
                for key, row in rows.items()
            }
        )

    def _fetched(self, hashes: Sequence[Hash]) -> list[list[bytes | None]]:
        chunks = (hashes[start : start + BATCH] for start in range(0, len(hashes), BATCH))
        return [fields for chunk in chunks for fields in self.keys.fetch(hashes=chunk).fields]


def _stamped(fields: Fields, kind: type[AnyRow]) -> Stamped[AnyRow] | None:
    packed, stamp = fields
    if packed is None or stamp is None:
        return None
    return Stamped(kind.unpack(_string(packed)), _seconds(stamp))


@cache
def _field(view: str, feature: str) -> bytes:
    return struct.pack("<I", mmh3.hash(f"{view}:{feature}", signed=False))


@cache
def _stamp_field(view: str) -> bytes:
    return f"_ts:{view}".encode()


def _double_values(values: Sequence[float]) -> list[bytes]:
    """Protobuf `Value` of each number; NaN is one without anything."""
    raw = struct.pack(f"<{len(values)}d", *values)
    return [
        b"" if math.isnan(value) else _DOUBLE_FIELD + raw[start : start + 8]
        for value, start in zip(values, range(0, len(raw), 8), strict=True)
    ]


def _text_value(text: str) -> bytes:
    encoded = text.encode()
    return bytes([_STRING_FIELD]) + _as_varint(len(encoded)) + encoded


def _text(word: str) -> bytes:
    encoded = word.encode()
    return struct.pack("<II", _STRING_TYPE, len(encoded)) + encoded


def _string(value: bytes) -> str:
    """Text of a protobuf `Value`.

    Raises:
        ValueError: If it holds something else.
    """
    if not value or value[0] != _STRING_FIELD:
        raise ValueError(f"a packed row of the feature store is no text: {value[:20]!r}")
    length, start = _varint(value, 1)
    if len(value) != start + length:
        raise ValueError(f"a packed row of the feature store has {len(value) - start} bytes, expected {length}")
    return value[start:].decode()


def _seconds(stamp: bytes) -> int:
    """Whole seconds of a protobuf `Timestamp`, 1970 or later."""
    return _varint(stamp, 1)[0] if stamp and stamp[0] == _SECONDS_FIELD else 0


def _as_varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _varint(data: bytes, start: int) -> tuple[int, int]:
    """Number at a place, 7 bits a byte, lowest first; and the place behind it."""
    number = shift = 0
    while True:
        byte = data[start]
        number |= (byte & 0x7F) << shift
        start, shift = start + 1, shift + 7
        if byte < 0x80:
            return number, start
