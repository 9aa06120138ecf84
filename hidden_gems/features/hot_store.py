"""Rows straight out of Feast's Redis: what a request reads, without the milliseconds that Feast's own client takes.

Feast 0.67 keeps one hash for each entity, entity key serialization version 3. Its key is the number of join keys, then
type and length of the join key and itself, then type and length of the id and itself, then the project; numbers are
little-endian and 4 bytes long. A field is named by the murmur3 hash of `view:feature` and holds a protobuf `Value`;
`_ts:view` holds a protobuf `Timestamp`.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import mmh3

from hidden_gems.core.kv import BATCH, Hash, KeyValue
from hidden_gems.features.rows import ItemRow, UserRow
from hidden_gems.features.store import ITEM_KEY, ITEM_VIEW, PACKED, USER_KEY, USER_VIEW, Stamped

PROJECT = "hidden_gems"
"""Feast project of `feature_repo/feature_store.yaml`."""

_STRING_TYPE = 2  # of Feast's ValueType
_STRING_FIELD = 2 << 3 | 2  # `string_val` of Value: field 2, wire type 2 (length and bytes)
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
        packed = struct.pack("<I", mmh3.hash(f"{view}:{PACKED}", signed=False))
        key = struct.pack("<I", 1) + _text(join_key) + _text(name) + self.project.encode()
        return key, (packed, f"_ts:{view}".encode())


@dataclass(frozen=True)
class HotStore:
    """The reading half of a `FeatureStore` over what Feast wrote; batched, 1 round trip for a thousand rows."""

    keys: KeyValue
    rows: HotRows = HotRows()

    def read_users(self, user_ids: Sequence[str]) -> list[Stamped[UserRow] | None]:
        """Row of each person in the order of the ids; None where there is none."""
        return [self.rows.user_row(each) for each in self._fetched([self.rows.user_hash(name) for name in user_ids])]

    def read_items(self, item_ids: Sequence[str]) -> list[Stamped[ItemRow] | None]:
        """Row of each gem in the order of the ids; None where there is none."""
        return [self.rows.item_row(each) for each in self._fetched([self.rows.item_hash(name) for name in item_ids])]

    def _fetched(self, hashes: Sequence[Hash]) -> list[list[bytes | None]]:
        chunks = (hashes[start : start + BATCH] for start in range(0, len(hashes), BATCH))
        return [fields for chunk in chunks for fields in self.keys.fetch(hashes=chunk).fields]


def _stamped(fields: Fields, kind: type[AnyRow]) -> Stamped[AnyRow] | None:
    packed, stamp = fields
    if packed is None or stamp is None:
        return None
    return Stamped(kind.unpack(_string(packed)), _seconds(stamp))


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


def _varint(data: bytes, start: int) -> tuple[int, int]:
    """Number at a place, 7 bits a byte, lowest first; and the place behind it."""
    number = shift = 0
    while True:
        byte = data[start]
        number |= (byte & 0x7F) << shift
        start, shift = start + 1, shift + 7
        if byte < 0x80:
            return number, start
