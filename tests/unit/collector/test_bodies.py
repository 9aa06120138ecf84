import asyncio
from collections.abc import Iterator

import pytest
from fastapi import Request

from inference.collector.bodies import json_of
from inference.collector.errors import CallError, SlowBodyError, TooLargeError
from inference.collector.limits import MAX_EVENT_BYTES, MAX_OTHER_BYTES
from tests.unit.collector.world import World, event


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nan", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": 1e999}', b"\xff", b"{}x"],
)
def test_a_body_that_is_not_json_is_refused(world: World, body: bytes) -> None:
    answer = world.post(body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_json")
    assert set(answer.json()) == {"error"}


@pytest.mark.parametrize("body", [b"5", b'"x"', b"null", b"true"])
def test_a_body_that_is_no_event_and_no_list_is_refused(world: World, body: bytes) -> None:
    answer = world.post(body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


def test_500_events_are_a_list_and_501_are_too_large(world: World) -> None:
    many = [event(event_id=str(number)) for number in range(501)]
    refused = world.post(many)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")
    assert world.log == []
    assert world.taken(many[:500])["accepted"] == 500
    assert len(world.log) == 500


def test_a_body_of_a_megabyte_is_taken_and_a_larger_one_is_not(world: World) -> None:
    said = b'{"padding": "%s"}'
    room = MAX_EVENT_BYTES - len(said % b"")
    assert world.post(said % (b"x" * room)).status_code == 202
    refused = world.post(said % (b"x" * (room + 1)))
    assert (refused.status_code, refused.headers["connection"]) == (413, "close")


def test_a_chunked_body_is_counted_while_it_comes(world: World) -> None:
    given = 0

    def chunks() -> Iterator[bytes]:
        nonlocal given
        for _ in range(100):
            given += 1
            yield b" " * 100_000

    refused = world.client.post("/v1/events", content=chunks(), headers={"Authorization": "Bearer server-key"})
    assert refused.status_code == 413


def _request(messages: list[dict[str, object]], length: bytes | None = None) -> Request:
    async def receive() -> dict[str, object]:
        if not messages:
            await asyncio.sleep(5)
        return messages.pop(0)

    headers = [] if length is None else [(b"content-length", length)]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)  # type: ignore[arg-type]


def _chunk(size: int, more: bool = True) -> dict[str, object]:
    return {"type": "http.request", "body": b"1" * size, "more_body": more}


def test_nothing_is_read_beyond_the_bound() -> None:
    waiting = [_chunk(60), _chunk(60), _chunk(60), _chunk(60, more=False)]
    with pytest.raises(TooLargeError):
        asyncio.run(json_of(_request(waiting), 100))
    assert len(waiting) == 2
    untold = [_chunk(1, more=False)]
    with pytest.raises(TooLargeError):
        asyncio.run(json_of(_request(untold, b"101"), 100))
    assert len(untold) == 1
    assert asyncio.run(json_of(_request([_chunk(1, more=False)], b"100"), 100)) == 1


@pytest.mark.parametrize("length", [b"-1", b"many", "\u0661".encode()])
def test_a_length_that_is_no_number_is_refused(length: bytes) -> None:
    with pytest.raises(TooLargeError):
        asyncio.run(json_of(_request([_chunk(1, more=False)], length), 100))


def test_a_body_that_comes_too_slowly_is_refused() -> None:
    with pytest.raises(SlowBodyError):
        asyncio.run(json_of(_request([_chunk(1)]), 100, seconds=0.05))


def test_a_caller_that_hangs_up_is_no_fault_of_ours() -> None:
    with pytest.raises(CallError, match="hung up"):
        asyncio.run(json_of(_request([_chunk(1), {"type": "http.disconnect"}]), 100))


def test_other_bodies_are_smaller(world: World) -> None:
    body = b'{"name": "%s"}' % (b"x" * MAX_OTHER_BYTES)
    assert world.call("PUT", "/v1/items/g1", body, "editor-key").status_code == 413
    assert world.call("PUT", "/v1/users/u1/consent", body).status_code == 413
