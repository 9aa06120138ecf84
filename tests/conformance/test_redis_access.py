"""Redis behind TLS and a user, as managed stores have it: a real server, and a door that speaks TLS before it."""

import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from hidden_gems.cli.processes import redis_server
from hidden_gems.core.errors import BadInputError, PartUnavailableError
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.core.redis_access import RedisAccess
from hidden_gems.core.tls import trusted
from tests.tls import certificate, tls_door

USER, PASSWORD = "gems", "a,b='c\"$d{e}%f"  # signs that end a value somewhere


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that lets in one user alone."""
    with redis_server(tmp_path_factory.mktemp("redis")) as address:
        host, _, port = address.rpartition(":")
        with redis.Redis(host, int(port)) as client:
            client.acl_setuser(USER, enabled=True, passwords=[f"+{PASSWORD}"], keys=["*"], categories=["+@all"])
            client.acl_setuser("default", enabled=False)
        yield address


@pytest.fixture(scope="module")
def behind_tls(plain: str, certificates: tuple[Path, Path]) -> Iterator[str]:
    with tls_door(plain, certificates) as address:
        yield address


@pytest.fixture
def access(behind_tls: str, certificates: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> RedisAccess:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates[0]))
    return RedisAccess(behind_tls, tls=True, username=USER, password=PASSWORD)


def test_a_user_behind_tls_reads_what_it_wrote(access: RedisAccess, plain: str) -> None:
    RedisKeyValue(access, 5.0).put({"a": b"1"})
    assert RedisKeyValue(replace(access, address=plain, tls=False), 5.0).get(["a"]) == [b"1"]


def test_feast_comes_in_by_its_connection_string(access: RedisAccess) -> None:
    from feast.infra.online_stores.redis import RedisOnlineStore, RedisOnlineStoreConfig

    RedisKeyValue(access, 5.0).put({"b": b"2"})
    store = RedisOnlineStore()
    client = store._get_client(RedisOnlineStoreConfig(connection_string=access.connection_string(5.0)))
    assert client.get("b") == b"2"
    client.close()


def refused(access: RedisAccess) -> str:
    began = time.monotonic()
    with pytest.raises(PartUnavailableError) as caught:
        RedisKeyValue(access, 0.5).get(["a"])
    assert time.monotonic() - began < 3.0
    return str(caught.value)


def test_what_is_wrong_is_said_and_the_password_is_not(access: RedisAccess, plain: str) -> None:
    wrong = refused(replace(access, password="another"))
    assert f"features is unavailable: Redis at {access.address} over TLS as 'gems'" in wrong
    assert "invalid username-password pair" in wrong
    assert "another" not in wrong
    assert "Authentication required" in refused(RedisAccess(access.address, tls=True))
    assert f"Redis at {plain} over TLS as 'gems': " in refused(replace(access, address=plain))
    assert f"Redis at {access.address} in plain text as 'gems': " in refused(replace(access, tls=False))
    assert PASSWORD not in repr(access)


def test_whom_the_machine_trusts_is_read_once(access: RedisAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = trusted()
    RedisKeyValue(access, 5.0).put({"a": b"1"})
    assert trusted() is ours
    assert (ours.verify_mode, ours.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert [each["serialNumber"] for each in ours.get_ca_certs()] != []
    monkeypatch.delenv("SSL_CERT_FILE")
    assert trusted() is not ours


def test_a_certificate_of_another_name_is_refused(access: RedisAccess) -> None:
    named = replace(access, address=access.address.replace("127.0.0.1", "localhost"))
    assert "certificate is not valid for 'localhost'" in refused(named)


def test_a_certificate_that_nobody_trusts_is_refused(access: RedisAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "certificate verify failed" in refused(access)


def test_a_server_that_knows_no_users_takes_a_default_one(tmp_path: Path) -> None:
    with redis_server(tmp_path) as address:
        store = RedisKeyValue(RedisAccess(address, username="default", password="local-only"), 5.0)
        store.put({"a": b"1"})
        assert store.get(["a"]) == [b"1"]


def test_a_command_is_told_by_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert RedisAccess.told("store:6379") == RedisAccess("store:6379")
    told = {"GEMS_REDIS_TLS": "true", "GEMS_REDIS_USERNAME": USER, "GEMS_REDIS_PASSWORD": PASSWORD}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert RedisAccess.told("store:6379") == RedisAccess("store:6379", True, USER, PASSWORD)
    monkeypatch.setenv("GEMS_REDIS_TLS", "managed")
    with pytest.raises(BadInputError, match="GEMS_REDIS_TLS is 'managed'; expected true or false"):
        RedisAccess.told("store:6379")


@pytest.mark.parametrize("address", ["store", "store:", ":6379", "rediss://store:6379", "store:six"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(BadInputError, match="the address of Redis is host:port, got"):
        RedisAccess(address)
