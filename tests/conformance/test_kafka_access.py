"""Several brokers, and brokers that ask who comes, as managed ones do: a real one, behind TLS and the words of MSK."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hidden_gems.cli.processes import broker_command, child, free_port, kafka_broker, listens
from hidden_gems.core.errors import BadInputError, PartUnavailableError
from hidden_gems.events.topics import TOPICS
from hidden_gems.streaming.broker import Message
from hidden_gems.streaming.kafka import KafkaConsumer, KafkaProducer, create_topics
from hidden_gems.streaming.kafka_access import KafkaAccess
from hidden_gems.streaming.reach import answers, refuses
from tests.msk import REGION, Msk
from tests.tls import certificate, tls_door

PATIENCE_SECONDS = 20.0
KEYS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_REGION": REGION}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with kafka_broker(tmp_path_factory.mktemp("kafka")) as address:
        yield address


def round_trip(access: str | KafkaAccess, topic: str) -> list[bytes]:
    """What a consumer reads of one message that a producer sends."""
    producer, consumer = KafkaProducer(access, 5.0), KafkaConsumer(access, "g", [topic])
    found: list[bytes] = []
    until = time.monotonic() + PATIENCE_SECONDS
    try:
        producer.send([Message(topic, "k", b"v")])
        while not found and time.monotonic() < until:
            found = [each.value for each in consumer.poll(0.2, 10)]
    finally:
        consumer.close()
        producer.close()
    return found


def test_a_list_is_as_good_as_its_last_broker(broker: str) -> None:
    dead = f"127.0.0.1:{free_port()}"
    brokers = f"{dead},{broker}"
    create_topics(brokers)
    assert round_trip(brokers, "list") == [b"v"]
    assert answers(brokers)
    assert not refuses(brokers)
    assert not answers(f"{dead},{dead}")
    assert refuses(f"{dead},{dead}")


@pytest.fixture
def msk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Msk, KafkaAccess]]:
    """A broker of its own, whose members are told the address of the door."""
    files, greeting, port = certificate(tmp_path), Msk("AKIA", "s3cret"), free_port()
    for name, value in (KEYS | {"SSL_CERT_FILE": str(files[0])}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    hidden = free_port()
    line = broker_command(hidden)
    line[line.index("--advertised-listener-url") + 1] = f"tcp://127.0.0.1:{port}"
    with (
        (tmp_path / "kafka.log").open("w") as log,
        child(line, log, stop_seconds=0.1),
        tls_door(f"127.0.0.1:{hidden}", files, port, greeting) as address,
    ):
        until = time.monotonic() + PATIENCE_SECONDS
        while not listens(hidden) and time.monotonic() < until:
            time.sleep(0.02)
        yield greeting, KafkaAccess(address, iam=True)


def test_whoever_signs_as_aws_asks_is_let_in(msk: tuple[Msk, KafkaAccess]) -> None:
    greeting, access = msk
    create_topics(access)
    assert answers(access)
    assert round_trip(access, TOPICS[0]) == [b"v"]
    assert (greeting.admitted >= 3, greeting.refused) == (True, 0)


def test_other_keys_and_plain_text_are_not(
    msk: tuple[Msk, KafkaAccess], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    greeting, access = msk
    assert not answers(access.address)
    assert not answers(KafkaAccess(f"127.0.0.1:{free_port()}", iam=True))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    producer = KafkaProducer(access, 1.0)
    with pytest.raises(PartUnavailableError, match=f"broker is unavailable: {access.address} over TLS, as AWS_MSK_IAM"):
        producer.send([Message("t", "k", b"v")])
    producer.close()
    with pytest.raises(PartUnavailableError, match="broker is unavailable"):
        create_topics(access, timeout_seconds=0.5)
    assert [record.getMessage().count("Access denied") for record in caplog.records] == [1]  # once a minute
    assert (greeting.admitted, greeting.refused >= 1) == (0, True)


def test_what_aws_does_not_say_is_told_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    access = KafkaAccess("store:9098", iam=True)
    for name in (*KEYS, "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(BadInputError, match="AWS_REGION is not"):
        KafkaProducer(access)
    monkeypatch.setenv("AWS_REGION", REGION)
    with pytest.raises(BadInputError, match="AWS gives this process no credentials"):
        KafkaProducer(access)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{free_port()}/v1/credentials")
    with pytest.raises(PartUnavailableError, match="broker is unavailable: no credentials of AWS"):
        KafkaProducer(access)


def test_a_command_is_told_by_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert KafkaAccess.told("a:1,b:2") == KafkaAccess("a:1,b:2")
    assert KafkaAccess("a:1, b:2").brokers == [("a", 1), ("b", 2)]
    monkeypatch.setenv("GEMS_KAFKA_IAM", "true")
    assert KafkaAccess.told("a:1,b:2") == KafkaAccess("a:1,b:2", iam=True)


@pytest.mark.parametrize("address", ["store", "a:1,", "a:1,b", "SASL_SSL://a:1", ":1"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(BadInputError, match=r"the address of Kafka is host:port\[,host:port…\], got"):
        KafkaAccess(address)
