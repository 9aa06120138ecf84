"""Whom this machine trusts."""

import os
import ssl
from functools import cache


def trusted() -> ssl.SSLContext:
    """A context that checks certificates and names of servers, against those of `SSL_CERT_FILE` or of the machine.

    It is made once: to read a usual list of authorities takes 40 ms and more, as long as a whole answer may.
    """
    return _trusted(os.environ.get("SSL_CERT_FILE"))


@cache
def _trusted(file: str | None) -> ssl.SSLContext:
    return ssl.create_default_context()  # reads the variable by itself
