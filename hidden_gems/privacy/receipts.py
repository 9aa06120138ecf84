"""Receipts of erasures: each store done or pending with its deadline, kept up to date as stores finish."""

import json
from datetime import UTC, datetime
from typing import Any

from hidden_gems.core.erasures import Erasure, has_forgotten
from hidden_gems.core.errors import NotFoundError
from hidden_gems.core.kv import KeyValue
from hidden_gems.core.names import erasure as receipt_key
from hidden_gems.privacy.promises import PROMISES, promise


def open_receipt(keys: KeyValue, receipt: str, erasure: Erasure, now: float) -> dict[str, Any]:
    """Write the receipt of somebody whom the online stores have just forgotten.

    Args:
        keys: Where receipts are.
        receipt: Its id.
        erasure: Who, and when it was asked; the name stays in the receipt while a store is pending.
        now: Epoch seconds at which the online stores were done.

    Returns:
        The receipt, as a caller may see it.
    """
    stores = [
        {
            "store": each.store,
            "state": "done" if each.how == "at once" else "pending",
            "what": each.what,
            "deadline": _iso(erasure.at + each.seconds),
            "done_at": _iso(now) if each.how == "at once" else None,
        }
        for each in PROMISES
    ]
    content = {"receipt": receipt, "requested_at": _iso(erasure.at), "stores": stores}
    keys.put({receipt_key(receipt): json.dumps({**content, "of": erasure}).encode()})
    return content


def read_receipt(keys: KeyValue, receipt: str, now: float) -> dict[str, Any]:
    """The receipt as of now; what has become done since is written into it.

    Raises:
        NotFoundError: If there is none of this id.
    """
    [text] = keys.get([receipt_key(receipt)])
    if text is None:
        raise NotFoundError("there is no erasure of this receipt")
    content: dict[str, Any] = json.loads(text)
    of = content.pop("of", None)
    if of is not None:
        erasure, before = Erasure(*of), json.dumps(content)
        for each in content["stores"]:
            _settle(each, keys, erasure, now)
        pending = any(each["state"] == "pending" for each in content["stores"])
        if json.dumps(content) != before:
            kept = {**content, "of": erasure} if pending else content
            keys.put({receipt_key(receipt): json.dumps(kept).encode()})
    return content


def _settle(line: dict[str, Any], keys: KeyValue, erasure: Erasure, now: float) -> None:
    made = promise(line["store"])
    if line["state"] == "done":
        return
    if made.how == "tells" and has_forgotten(keys, made.store, erasure.person, erasure.score):
        line |= {"state": "done", "done_at": _iso(now)}
    elif made.how == "expires" and now > erasure.at + made.seconds:
        line |= {"state": "done", "done_at": line["deadline"]}


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
