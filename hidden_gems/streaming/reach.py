"""Does a broker answer: one small question of Kafka's protocol, without a client that would try for long."""

import socket
import struct

_API_VERSIONS = 18
_QUESTION = struct.pack(">hhih", _API_VERSIONS, 0, 1, -1)  # key, version, correlation id, no client id


def answers(address: str, timeout_seconds: float = 0.5) -> bool:
    """Whether a broker at `host:port` answers which calls it knows; one that only accepts connections does not.

    Source: https://kafka.apache.org/protocol#The_Messages_ApiVersions
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout_seconds) as connection:
            connection.sendall(struct.pack(">i", len(_QUESTION)) + _QUESTION)
            reply = b""
            while len(reply) < 8:
                if not (chunk := connection.recv(8 - len(reply))):
                    return False
                reply += chunk
    except OSError:
        return False
    _, correlation = struct.unpack(">ii", reply)
    return bool(correlation == 1)


def refuses(address: str, timeout_seconds: float = 0.1) -> bool:
    """Whether nobody listens at `host:port`: its machine says so at once; one that is slow, or silent, does not."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout_seconds).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
