"""A proxy of one TCP address that does harm: slow, lossy, torn, or gone."""

import asyncio
import random
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

CHUNK = 65_536
_BLACK_SECONDS = 0.05
Mode = Literal["pass", "reset", "blackhole", "half"]


@dataclass(frozen=True)
class Harm:
    """What is done to each chunk on its way; chances are 0 to 1.

    What is lost takes its connection with it, as a reply that never came is a reply that the caller gives up on.
    """

    mode: Mode = "pass"  # reset: end connections; blackhole: hold what comes; half: pass half a reply, then end
    delay_seconds: float = 0.0
    bytes_a_second: float = 0.0  # 0: as fast as it goes
    lose_requests: float = 0.0
    lose_replies: float = 0.0
    corrupt: float = 0.0  # flip the first byte
    unwelcome: bytes = b""  # requests that hold this are lost


class FaultProxy:
    """Stands between the callers of `port` and `target_port`, in a thread of its own.

    Args:
        target_port: Loopback port of the real server.
        port: To listen on.
        seed: Of what is lost.
    """

    def __init__(self, target_port: int, port: int, seed: int = 0) -> None:
        self.port, self._target, self._random = port, target_port, random.Random(seed)
        self.harm, self.harmed = Harm(), 0
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.Transport] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._connected, "127.0.0.1", self.port)).result(5.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close()).result(5.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, **harm: Any) -> None:
        """Do this harm from now on, and no other; without arguments none."""
        self.harm, self.harmed = Harm(**harm), 0
        if self.harm.mode == "reset":
            self._loop.call_soon_threadsafe(self._reset)

    def also(self, **harm: Any) -> None:
        """Do this harm beside what is done."""
        self.harm = replace(self.harm, **harm)

    def _run(self, what: Any) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(what, self._loop)

    async def _close(self) -> None:
        self._server.close()
        self._reset()
        ours = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in ours:
            task.cancel()
        await asyncio.gather(*ours, return_exceptions=True)

    def _reset(self) -> None:
        for transport in list(self._open):
            transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer.transport, far_writer.transport}
        self._open |= ends
        try:
            await asyncio.gather(self._pump(reader, far_writer, True), self._pump(far_reader, writer, False))
        finally:
            self._open -= ends

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bool) -> None:
        try:
            with suppress(OSError):
                while data := await reader.read(CHUNK):
                    await self._wait(len(data))
                    kept = self._harmed(data, request)
                    writer.write(kept)
                    await writer.drain()
                    if len(kept) < len(data):
                        break
                if self.harm.mode == "half":
                    writer.close()  # with the half that it still holds
                    await writer.wait_closed()
        finally:
            writer.transport.abort()

    async def _wait(self, size: int) -> None:
        harm = self.harm
        await asyncio.sleep(harm.delay_seconds + (size / harm.bytes_a_second if harm.bytes_a_second else 0.0))
        while self.harm.mode == "blackhole":
            await asyncio.sleep(_BLACK_SECONDS)

    def _harmed(self, data: bytes, request: bool) -> bytes:
        """What is left of a chunk; less than it was where the connection is to end."""
        harm = self.harm
        lost = self._random.random() < (harm.lose_requests if request else harm.lose_replies)
        if harm.mode == "reset" or lost or (request and harm.unwelcome and harm.unwelcome in data):
            self.harmed += 1
            return b""
        if harm.mode == "half" and not request:
            self.harmed += 1
            return data[: len(data) // 2]
        if self._random.random() < harm.corrupt:
            self.harmed += 1
            return bytes([data[0] ^ 0xFF]) + data[1:]
        return data
