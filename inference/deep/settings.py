"""What the deep server is told from outside."""

from inference.shell.settings import ServerSettings


class DeepSettings(ServerSettings):
    """Ports as those of Triton, whose place it takes where there is none."""

    port: int = 8000
    grpc_port: int = 8001
