"""Keys of ids and tokens, the same in every process of a stack."""

from dataclasses import dataclass

from hidden_gems.core.ids import Pseudonyms, secret
from hidden_gems.events.tokens import Tokens
from inference.collector.settings import CollectorSettings

TOKEN_VARIABLE = "GEMS_TOKEN_KEYS"


@dataclass(frozen=True)
class Secrets:
    """What turns people into pseudonyms, and what proves tokens."""

    pseudonyms: Pseudonyms
    tokens: Tokens

    @classmethod
    def load(cls, settings: CollectorSettings) -> "Secrets":
        """From the environment, else from files under the home."""
        return cls(Pseudonyms.load(settings.home), Tokens(secret(TOKEN_VARIABLE, settings.home / "token.key")))
