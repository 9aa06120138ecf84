"""How a process reaches Kafka: its brokers, and whether as whom AWS says that we are."""

import logging
import os
import ssl
import time
from dataclasses import dataclass
from typing import Any, Self

from hidden_gems.core.errors import BadInputError, MissingExtraError, PartUnavailableError
from hidden_gems.core.flags import flag
from hidden_gems.core.tls import trusted

_SAY_AGAIN_SECONDS = 60.0


@dataclass(frozen=True)
class KafkaAccess:
    """What every client of a Kafka is made of.

    With `iam` it is asked over TLS, and callers are who botocore finds that they are: on the cluster the role of the
    pod, by Pod Identity (mechanism AWS_MSK_IAM). Certificates are checked against those that this machine trusts
    (`SSL_CERT_FILE` names others).
    """

    address: str  # host:port of a broker, or of several with commas between
    iam: bool = False

    def __post_init__(self) -> None:
        for host, port in (each.rpartition(":")[::2] for each in self.address.split(",")):
            if not host or not port.isdecimal() or "/" in host:
                raise BadInputError(f"the address of Kafka is host:port[,host:port…], got {self.address!r}")

    @classmethod
    def told(cls, address: str) -> Self:
        """Access of a command: `GEMS_KAFKA_IAM` says the rest.

        Raises:
            BadInputError: If it, or the address, cannot be read.
        """
        return cls(address, flag("GEMS_KAFKA_IAM"))

    @classmethod
    def of(cls, access: "str | KafkaAccess") -> "KafkaAccess":
        """The same, or an address alone: in plain text, as nobody."""
        return cls(access) if isinstance(access, str) else access

    @property
    def brokers(self) -> list[tuple[str, int]]:
        """Host and port of each."""
        pairs = (each.strip().rpartition(":") for each in self.address.split(","))
        return [(host, int(port)) for host, _, port in pairs]

    def context(self) -> ssl.SSLContext | None:
        """Of TLS; None for plain text."""
        return trusted() if self.iam else None

    def options(self) -> dict[str, Any]:
        """Arguments of every client of kafka-python.

        Raises:
            BadInputError: If we are to be who AWS says, and it knows nobody, or there is no region or no botocore.
            PartUnavailableError: If AWS does not answer.
        """
        servers = {"bootstrap_servers": [f"{host}:{port}" for host, port in self.brokers]}
        if not self.iam:
            return servers
        _check_aws()
        return servers | {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "AWS_MSK_IAM",
            "ssl_context": self.context(),
        }

    def __str__(self) -> str:
        """As in messages."""
        return f"{self.address}{' over TLS, as AWS_MSK_IAM' if self.iam else ' in plain text'}"


def _check_aws() -> None:
    """The client would try for ever without credentials, and knows its region by botocore's variable alone."""
    try:
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session
    except ModuleNotFoundError as error:
        raise MissingExtraError("botocore", "serve") from error
    if region := os.environ.get("AWS_REGION"):
        os.environ.setdefault("AWS_DEFAULT_REGION", region)
    session = Session()
    if not session.get_config_variable("region"):
        raise BadInputError("GEMS_KAFKA_IAM is set, and AWS_REGION is not; it names the region of the Kafka")
    try:
        credentials = session.get_credentials()
    except BotoCoreError as error:
        raise PartUnavailableError("broker", f"no credentials of AWS: {error}") from error
    if credentials is None:
        raise BadInputError("GEMS_KAFKA_IAM is set, and AWS gives this process no credentials (role of the pod, keys)")


class _NotLetIn(logging.Filter):
    """Lets through, once a minute, that a broker answers and does not let us in: the client hides it in time-outs."""

    def __init__(self) -> None:
        super().__init__()
        self._again_at = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is one of these."""
        from kafka import errors

        reasons = [each for each in record.args or () if isinstance(each, errors.KafkaError)]
        refused = any(isinstance(each, errors.BrokerResponseError) or "SSL" in str(each) for each in reasons)
        if not refused or time.monotonic() < self._again_at:
            return False
        self._again_at = time.monotonic() + _SAY_AGAIN_SECONDS
        return True


_not_let_in = _NotLetIn()


def quiet() -> None:
    """Let kafka-python be silent: it tells every failed attempt to connect; we tell once what came of it."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL + 1)
    connecting = logging.getLogger("kafka.net.manager")
    connecting.setLevel(logging.WARNING)
    connecting.addFilter(_not_let_in)
