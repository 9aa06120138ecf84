"""Does a broker answer: one small question of Kafka's protocol, without a client that would try for long."""

import socket
import struct

from hidden_gems.streaming.kafka_access import KafkaAccess

_API_VERSIONS = 18
_QUESTION = struct.pack(">hhih", _API_VERSIONS, 0, 1, -1)  # key, version, correlation id, no client id


def answers(access: str | KafkaAccess, timeout_seconds: float = 0.5) -> bool:
    """Whether a broker answers which calls it knows; one that only accepts connections does not.

    Anybody may ask that, before it is known who asks.

    Source: https://kafka.apache.org/protocol#The_Messages_ApiVersions
    """
    access = KafkaAccess.of(access)
    return any(_answers(access, broker, timeout_seconds) for broker in access.brokers)


def _answers(access: KafkaAccess, broker: tuple[str, int], timeout_seconds: float) -> bool:
    try:
        with socket.create_connection(broker, timeout_seconds) as connection:
            if context := access.context():
                connection = context.wrap_socket(connection, server_hostname=broker[0])
            with connection:
                return _asked(connection)
    except OSError:
        return False


def _asked(connection: socket.socket) -> bool:
    connection.sendall(struct.pack(">i", len(_QUESTION)) + _QUESTION)
    reply = b""
    while len(reply) < 8:
        if not (chunk := connection.recv(8 - len(reply))):
            return False
        reply += chunk
    _, correlation = struct.unpack(">ii", reply)
    return bool(correlation == 1)


def refuses(access: str | KafkaAccess, timeout_seconds: float = 0.1) -> bool:
    """Whether nobody listens at any address: a machine says so at once; one that is slow, or silent, does not."""
    return all(_refuses(broker, timeout_seconds) for broker in KafkaAccess.of(access).brokers)


def _refuses(broker: tuple[str, int], timeout_seconds: float) -> bool:
    try:
        socket.create_connection(broker, timeout_seconds).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
