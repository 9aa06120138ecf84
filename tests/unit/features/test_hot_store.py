import subprocess
import sys

import pytest

from hidden_gems.features.hot_store import HotRows
from hidden_gems.features.rows import NEW_ITEM
from hidden_gems.features.store import Stamped

PACKED = NEW_ITEM.pack().encode()


def value(text: bytes) -> bytes:
    return b"\x12" + bytes([len(text)]) + text


def test_where_feast_keeps_a_row() -> None:
    assert HotRows().user_hash("ğ") == (
        b"\1\0\0\0\2\0\0\0\7\0\0\0user_id\2\0\0\0\2\0\0\0\xc4\x9fhidden_gems",
        (b"\x99\x02\xb6D", b"_ts:user_rows"),
    )
    assert HotRows("p").item_hash("a")[0] == b"\1\0\0\0\2\0\0\0\7\0\0\0item_id\2\0\0\0\1\0\0\0ap"


def test_a_row_and_its_second() -> None:
    assert len(PACKED) < 128
    found = HotRows().item_row([value(PACKED), b"\x08\xac\x02\x10\x05"])  # 300 seconds and 5 nanoseconds
    assert found is not None
    assert (found.row.pack(), found.timestamp) == (NEW_ITEM.pack(), 300)
    assert isinstance(found, Stamped)
    assert [HotRows().item_row([value(PACKED), stamp]).timestamp for stamp in (b"", b"\x10\x05", b"\x08\x7f")] == [
        0,
        0,
        127,
    ]


@pytest.mark.parametrize("fields", [[None, None], [value(PACKED), None], [None, b"\x08\x05"]])
def test_half_a_row_is_none(fields: list[bytes | None]) -> None:
    assert HotRows().item_row(fields) is None
    assert HotRows().user_row(fields) is None


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (b"", "is no text: b''"),
        (b"\x20\x05", "is no text"),
        (value(PACKED) + b"x", f"has {len(PACKED) + 1} bytes, expected {len(PACKED)}"),
        (value(b"[[1],[]]"), "has 1 columns, expected 15; materialize again"),
    ],
)
def test_what_is_no_row_is_refused(packed: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HotRows().item_row([packed, b"\x08\x05"])


def test_the_hot_read_imports_no_feast() -> None:
    code = (
        "import sys, hidden_gems.features.hot_store\n"
        "print([m for m in ('feast', 'pandas', 'google.protobuf', 'ibis', 'redis', 'pyarrow') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
