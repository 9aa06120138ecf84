"""What Amazon MSK says before a client with IAM may come in, in front of a broker that asks nobody."""

import asyncio
import json
import struct
from typing import Any

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from kafka.errors import SaslAuthenticationFailedError
from kafka.protocol.sasl import (
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)

from tests.tls import Streams

REGION, MECHANISM = "eu-central-1", "AWS_MSK_IAM"


class Msk:
    """A greeting of `tls.tls_door`; lets in whoever signs with these keys, and counts who came.

    Source of what is signed: https://github.com/aws/aws-msk-iam-auth
    """

    def __init__(self, access_key: str, secret_key: str) -> None:
        self._credentials = Credentials(access_key, secret_key)
        self.admitted, self.refused = 0, 0

    async def __call__(self, caller: Streams, behind: Streams) -> None:
        """Answer until the caller is known; anybody may ask the broker which calls it knows."""
        while True:
            frame = await _frame(caller[0])
            key, version, correlation = struct.unpack_from(">hhi", frame)
            if key == SaslHandshakeRequest.API_KEY:
                asked = SaslHandshakeRequest.decode(frame, version=version, header=True).mechanism
                answer = SaslHandshakeResponse(error_code=0 if asked == MECHANISM else 33, mechanisms=[MECHANISM])
            elif key == SaslAuthenticateRequest.API_KEY:
                said = SaslAuthenticateRequest.decode(frame, version=version, header=True).auth_bytes
                answer = self._judged(json.loads(bytes(said)))
            else:
                behind[1].write(struct.pack(">i", len(frame)) + frame)
                reply = await _frame(behind[0])
                caller[1].write(struct.pack(">i", len(reply)) + reply)
                continue
            answer.API_VERSION = version
            answer.with_header(correlation_id=correlation)
            caller[1].write(answer.encode(header=True, framed=True))
            await caller[1].drain()
            if key == SaslAuthenticateRequest.API_KEY:
                if answer.error_code:
                    raise ConnectionError("not let in")
                return

    def _judged(self, said: dict[str, str]) -> Any:
        if said["x-amz-signature"] == self._signature(said) and said["action"] == "kafka-cluster:Connect":
            self.admitted += 1
            return SaslAuthenticateResponse(
                error_code=0, error_message=None, auth_bytes=b'{"version":"2020_10_22"}', session_lifetime_ms=0
            )
        self.refused += 1
        return SaslAuthenticateResponse(
            error_code=SaslAuthenticationFailedError.errno,
            error_message="Access denied",
            auth_bytes=b"",
            session_lifetime_ms=0,
        )

    def _signature(self, said: dict[str, str]) -> str:
        """Of the same request by botocore."""
        request = AWSRequest("GET", f"https://{said['host']}/?Action=kafka-cluster%3AConnect")
        request.context["timestamp"] = said["x-amz-date"]
        auth = SigV4QueryAuth(self._credentials, "kafka-cluster", REGION, expires=900)
        auth._modify_request_before_signing(request)
        found: str = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        return found


async def _frame(reader: asyncio.StreamReader) -> bytes:
    [size] = struct.unpack(">i", await reader.readexactly(4))
    return await reader.readexactly(size)
