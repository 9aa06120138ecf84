"""`python -m inference.transformer`."""

import sys

import numpy as np

from hidden_gems.core.assignment import Assignment
from hidden_gems.core.ids import Pseudonyms, secret
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.events.tokens import Tokens
from hidden_gems.explain.budget import Budget
from hidden_gems.explain.narrative import Endpoint, Narrator
from hidden_gems.recommend.business import FILE, BusinessFile
from hidden_gems.streaming.kafka import KafkaProducer
from inference.shell.client import Predictor
from inference.shell.release import watch
from inference.shell.server import quieten, serve
from inference.shell.start import run
from inference.transformer.answers import Answers
from inference.transformer.explaining import Explaining
from inference.transformer.logbook import logbook
from inference.transformer.metrics import NARRATIVES
from inference.transformer.parts import Models, People
from inference.transformer.service import Door, HiddenGems
from inference.transformer.settings import TransformerSettings
from inference.transformer.turning import Turning, following

SWITCH_SECONDS = 0.0005
"""How long a thread may keep others waiting: Python's 5 ms are half an answer, and the log is written in threads."""
FOLLOW_SECONDS = 2.0
"""Limit of a call to Redis that no request waits for."""


def main() -> None:
    """Serve recommendations of the pointed release."""
    quieten()
    sys.setswitchinterval(SWITCH_SECONDS)
    settings = TransformerSettings()
    business = BusinessFile(settings.business or settings.home / FILE)
    watcher = watch(settings, following(RedisKeyValue(settings.redis_access(), FOLLOW_SECONDS), business))
    models = Models(
        Predictor(settings.deep, "deep", settings.part_seconds),
        Predictor(settings.ranker, "ranker", settings.part_seconds),
        Predictor(settings.deep, "deep", settings.explain_seconds),
        Predictor(settings.ranker, "ranker", settings.explain_seconds),
    )
    keys = RedisKeyValue(settings.redis_access(), settings.store_seconds)
    assignment = Assignment(settings.static_share, settings.static_salt)
    answers = Answers(People(keys), models, np.random.default_rng(settings.seed), assignment)
    turning = Turning(watcher, models, business)
    producer = KafkaProducer(settings.kafka_access())
    with logbook(settings.spool / "transformer", producer) as log:
        door = Door(
            world=turning.world,
            explaining=Explaining(answers, keys, _narrator(settings)),
            pseudonyms=Pseudonyms.load(settings.home),
            tokens=Tokens(secret("GEMS_TOKEN_KEYS", settings.home / "token.key")),
            log=log,
            clock=settings.the_clock(),
            answer_seconds=settings.answer_seconds,
        )
        serve([HiddenGems(door)], settings, background=[turning.run])
    producer.close()
    watcher.stop()


def _narrator(settings: TransformerSettings) -> Narrator | None:
    if not settings.narrative_url:
        return None
    key = settings.narrative_key.get_secret_value()
    return Narrator(
        Endpoint(settings.narrative_url, settings.narrative_model, key, settings.narrative_seconds),
        Budget(
            settings.narrative_requests_a_minute, settings.narrative_tokens_a_minute, settings.narrative_tokens_a_day
        ),
        settings.narrative_wait_seconds,
        count=lambda outcome: NARRATIVES.labels(outcome).inc(),
    )


if __name__ == "__main__":
    run(main)
