"""Ports of the local stack."""

import time
from collections.abc import Iterable, Mapping

from hidden_gems.cli.processes import free_port, in_use
from hidden_gems.core.errors import BadInputError, HiddenGemsError

PORTS: Mapping[str, tuple[int, ...]] = {
    "redis": (6390,),
    "s3": (9010,),
    "kafka": (9092,),
    "deep": (8000, 8001),
    "ranker": (8100, 8101),
    "learner": (8110,),
    "archiver": (8120,),
    "collector": (8090,),
    "transformer": (8080, 8081),
}
"""HTTP first, then gRPC where there is one (contract §4)."""

LAST_PORT = 65_535
TRITON_METRICS = 8002
_PATIENCE_SECONDS = 3.0
"""How long the processes of a stack that was killed may take to let go of their ports."""


def shifted(shift: int) -> dict[str, tuple[int, ...]]:
    """Ports of every process, moved by `shift`.

    Raises:
        BadInputError: If one would lie outside 1 to 65,535.

    Examples:
        >>> shifted(10_000)["transformer"]
        (18080, 18081)
    """
    ports = {name: tuple(port + shift for port in of) for name, of in PORTS.items()}
    every = [port for of in ports.values() for port in of]
    if min(every) < 1 or max(every) > LAST_PORT:
        lowest, highest = 1 - min(p for of in PORTS.values() for p in of), LAST_PORT - max(every) + shift
        raise BadInputError(f"--port-base {shift} moves a port out of 1 to 65,535; it may be {lowest:,} to {highest:,}")
    return ports


def free_shift() -> int:
    """A shift under which every port is free now, far from the ports that people choose."""
    while True:
        shift = free_port() - PORTS["redis"][0]
        if 0 < shift <= LAST_PORT - PORTS["kafka"][0] and not taken(shifted(shift)):
            return shift


def taken(ports: Mapping[str, Iterable[int]]) -> dict[int, str]:
    """Ports that somebody listens on, with the name of the process that wants them."""
    return {port: name for name, of in ports.items() for port in of if in_use(port)}


def await_free(ports: Mapping[str, Iterable[int]]) -> None:
    """See that every port is free.

    Raises:
        HiddenGemsError: If one is not, also after what a killed stack left had its time to end.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while found := taken(ports):
        if time.monotonic() > deadline:
            port, name = next(iter(found.items()))
            raise HiddenGemsError(
                f"port {port} of 127.0.0.1, which {name} needs, is in use; "
                "stop what listens there, or move all ports with --port-base 10000"
            )
        time.sleep(0.1)
