"""What the transformer is told from outside."""

from pathlib import Path

from pydantic import Field, SecretStr

from inference.shell.settings import KafkaSettings, RedisSettings, ServerSettings


class TransformerSettings(ServerSettings, RedisSettings, KafkaSettings):
    """Addresses are `host:port`; deep and ranker by their gRPC ports."""

    port: int = 8080
    grpc_port: int = 8081
    deep: str = "127.0.0.1:8001"
    ranker: str = "127.0.0.1:8101"
    spool: Path = Path("spool")
    store_seconds: float = 0.03  # limit of one call to Redis
    part_seconds: float = 0.04  # limit of one call to deep or ranker
    answer_seconds: float = 0.1  # for a whole answer, where the caller names no deadline
    explain_seconds: float = 0.5  # limit of each call that a full explanation waits for
    narrative_url: str = ""  # of an OpenAI-compatible endpoint, up to /chat/completions; empty: texts are templates
    narrative_model: str = ""
    narrative_key: SecretStr = SecretStr("")
    narrative_wait_seconds: float = 0.15  # a full explanation waits so long for its text; later ones are kept
    narrative_seconds: float = 10.0  # limit of a call to the endpoint
    narrative_requests_a_minute: int = 60
    narrative_tokens_a_minute: int = 60_000
    narrative_tokens_a_day: int = 2_000_000
    business: Path | None = None  # file with rules and weights of the re-ranking; None is business.toml in `home`
    static_share: float = Field(default=0.0, ge=0, le=1)  # of the people who stay with the release, to compare with
    static_salt: str = "online-static"  # another one is another choice of people
    seed: int | None = None  # of the draws; None is a new one for each process
