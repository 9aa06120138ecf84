"""What the ranker is told from outside."""

from inference.shell.settings import RedisSettings, ServerSettings


class RankerSettings(ServerSettings, RedisSettings):
    """Ports of the local stack; the store is where the learner writes."""

    port: int = 8100
    grpc_port: int = 8101
    state_poll_seconds: float = 0.5
