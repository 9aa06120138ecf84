"""An S3 of the tests."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from moto.server import ThreadedMotoServer


@contextmanager
def bucket(name: str) -> Iterator[str]:
    """Address of an empty bucket; the variables of AWS point at it meanwhile."""
    import boto3

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": "us-east-1"}
    with pytest.MonkeyPatch.context() as environment:
        for variable, value in (keys | {"AWS_ENDPOINT_URL": address}).items():
            environment.setenv(variable, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket=name)
        client.close()
        yield f"s3://{name}"
    server.stop()
