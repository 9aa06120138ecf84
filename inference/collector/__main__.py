"""Run the collector until a signal ends it: `python -m inference.collector`."""

import sys

import uvicorn

from hidden_gems.core.errors import HiddenGemsError
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.events.topics import INTERACTIONS
from hidden_gems.streaming.kafka import KafkaProducer
from hidden_gems.streaming.reach import answers
from inference.collector.service import make_app
from inference.collector.settings import CollectorSettings
from inference.shell.pulling import pulled
from inference.shell.start import keep_imports

SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter while another one wants it. Python's own 5 ms are paid by the event loop
for every call to the network, while a writer works: refusals would be as slow as writes."""


def main() -> int:
    """Serve; 2 where the settings are wrong."""
    settings = CollectorSettings()
    sys.setswitchinterval(SWITCH_SECONDS)
    pulled(settings)
    try:
        producer = KafkaProducer(settings.kafka_access(), settings.send_timeout_seconds)
        app = make_app(
            producer,
            RedisKeyValue(settings.redis_access(), settings.redis_timeout_seconds),
            settings,
            broker_answers=lambda: answers(settings.kafka_access()) and producer.reaches(INTERACTIONS),
        )
    except HiddenGemsError as error:
        print(error, file=sys.stderr)
        return 2
    keep_imports()
    uvicorn.run(
        app, host=settings.host, port=settings.port, log_level="warning", access_log=False, server_header=False,
        timeout_keep_alive=30, timeout_graceful_shutdown=10,
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
