"""What the ranker is told from outside."""

from inference.shell.settings import ServerSettings


class RankerSettings(ServerSettings):
    """Ports of the local stack; the store is where the learner writes."""

    port: int = 8100
    grpc_port: int = 8101
    redis: str = "127.0.0.1:6390"
    state_poll_seconds: float = 0.5
