"""How a process reaches Redis: where it is, over what, and as whom."""

import json
import os
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any, Self

from hidden_gems.core.errors import BadInputError
from hidden_gems.core.flags import flag
from hidden_gems.core.tls import trusted


@dataclass(frozen=True)
class RedisAccess:
    """What every client of Redis is made of, redis-py's and Feast's.

    The certificate of the server is checked against those that this machine trusts (`SSL_CERT_FILE` names others).
    """

    address: str  # host:port
    tls: bool = False
    username: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        host, _, port = self.address.rpartition(":")
        if not host or not port.isdecimal() or "/" in host:
            raise BadInputError(f"the address of Redis is host:port, got {self.address!r}")

    @classmethod
    def told(cls, address: str) -> Self:
        """Access of a command or a step: `GEMS_REDIS_TLS`, `_USERNAME` and `_PASSWORD` say the rest.

        Raises:
            BadInputError: If one of them, or the address, cannot be read.
        """
        username, password = (os.environ.get(f"GEMS_REDIS_{name}", "") for name in ("USERNAME", "PASSWORD"))
        return cls(address, flag("GEMS_REDIS_TLS"), username, password)

    @classmethod
    def of(cls, access: "str | RedisAccess") -> "RedisAccess":
        """The same, or an address alone: in plain text, as nobody."""
        return cls(access) if isinstance(access, str) else access

    def options(self, timeout_seconds: float) -> dict[str, Any]:
        """Arguments of `redis.Redis`: a limit for each call, and no silent retries, which take seconds."""
        host, _, port = self.address.rpartition(":")
        limits = {"socket_timeout": timeout_seconds, "socket_connect_timeout": timeout_seconds, "retry": None}
        user = {"username": self.username or None, "password": self.password or None}
        return {"host": host, "port": int(port), "ssl": self.tls, **user, **limits}

    def client(self, timeout_seconds: float) -> Any:
        """A client of redis-py; over TLS one that does not read for every connection whom this machine trusts."""
        import redis

        options = self.options(timeout_seconds)
        if not options.pop("ssl"):
            return redis.Redis(**options)

        class Connection(redis.SSLConnection):  # type: ignore[misc]
            def _wrap_socket_with_ssl(self, sock: socket.socket) -> ssl.SSLSocket:
                return trusted().wrap_socket(sock, server_hostname=self.host)

        return redis.Redis(connection_pool=redis.ConnectionPool(connection_class=Connection, **options))

    def connection_string(self, timeout_seconds: float) -> str:
        r"""The same as Feast reads it: values are JSON, without the signs that end one there or in YAML.

        Examples:
            >>> print(RedisAccess("store:6379", username="gems", password="a,b").connection_string(0.5))
            store:6379,ssl=false,username="gems",password="a\u002cb",socket_timeout=0.5,socket_connect_timeout=0.5,retry=null
        """
        values = {name: value for name, value in self.options(timeout_seconds).items() if name not in ("host", "port")}
        return ",".join([self.address, *(f"{name}={_escaped(value)}" for name, value in values.items())])

    def __str__(self) -> str:
        """As in messages, without the password."""
        user = f" as {self.username!r}" if self.username else ""
        return f"Redis at {self.address}{' over TLS' if self.tls else ' in plain text'}{user}"


def _escaped(value: Any) -> str:
    """JSON without a comma, where Feast would end it, and without a quote, where YAML would."""
    return json.dumps(value).replace(",", "\\u002c").replace("'", "\\u0027")
