"""TLS before a server of this machine that has none: a certificate of its own, and a door that speaks it."""

import asyncio
import ipaddress
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Greeting = Callable[[Streams, Streams], Awaitable[None]]
"""What a caller and the server behind are told before they are left to each other; a failure ends the connection."""
CHUNK = 65_536


def certificate(folder: Path) -> tuple[Path, Path]:
    """Files of a certificate of 127.0.0.1, valid for a day, and of its key; who is to trust it trusts the first."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hidden-gems tests")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    return public, private


async def _nothing(caller: Streams, behind: Streams) -> None:
    pass


@contextmanager
def tls_door(target: str, files: tuple[Path, Path], port: int = 0, greeting: Greeting = _nothing) -> Iterator[str]:
    """Let callers over TLS through to a server that speaks plain text; gives `host:port` of the door."""
    host, _, target_port = target.rpartition(":")
    loop, context = asyncio.new_event_loop(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            try:
                behind, into = await asyncio.open_connection(host, int(target_port))
                try:
                    await greeting((reader, writer), (behind, into))
                    await _first_of(_carry(reader, into), _carry(behind, writer))
                finally:
                    into.close()
            finally:
                writer.transport.abort()

    async def end() -> None:
        server.close()
        ours = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in ours:
            task.cancel()
        await asyncio.gather(*ours, return_exceptions=True)
        await asyncio.sleep(0.05)  # until the loop has let go of every socket

    thread = threading.Thread(target=loop.run_forever, name="tls-door", daemon=True)
    thread.start()
    starting = asyncio.start_server(connected, "127.0.0.1", port, ssl=context)
    server = asyncio.run_coroutine_threadsafe(starting, loop).result(5.0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(5.0)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()


async def _first_of(*ways: Awaitable[None]) -> None:
    """Until one way ends: then the other has nobody to talk to."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
