"""The collector: the calls of contract §3 over a broker and a key-value store."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.middleware.cors import CORSMiddleware
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from hidden_gems.core.clock import Clock
from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.core.kv import KeyValue
from hidden_gems.streaming.broker import Producer
from inference.collector.admission import Admission
from inference.collector.door import Door
from inference.collector.entrance import Entrance
from inference.collector.errors import ErrorAnswer, answer_errors
from inference.collector.event_calls import event_calls
from inference.collector.gem_calls import Gems, gem_calls
from inference.collector.gems import Gem, GemOfMany, KnownGems
from inference.collector.guard import Guard
from inference.collector.intake import Intake
from inference.collector.keys import Keys
from inference.collector.limits import RateLimit
from inference.collector.messages import Event
from inference.collector.metrics import Metrics
from inference.collector.openapi import describe
from inference.collector.paths import EncodedPaths
from inference.collector.person_calls import Consent, person_calls
from inference.collector.persons import Persons
from inference.collector.secrets import Secrets
from inference.collector.settings import CollectorSettings
from inference.collector.silence import WatchedProducer
from inference.collector.tracker import tracker_call
from inference.shell.now import TellsTime


class Health(BaseModel):
    """One word."""

    status: str


def make_app(
    producer: Producer,
    keys: KeyValue,
    settings: CollectorSettings,
    *,
    broker_answers: Callable[[], bool],
    clock: Clock | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> FastAPI:
    """The collector as an ASGI app.

    Args:
        producer: Writes to the broker; closed with the app.
        keys: Online store; events are taken without it, calls about people are not.
        settings: Of this process.
        broker_answers: Asks the broker.
        clock: Of events; that of the settings by default.
        monotonic: Seconds for limits and waiting.

    Raises:
        BadInputError: If the API keys cannot be read.
    """
    clock, secrets, metrics = clock or settings.the_clock(), Secrets.load(settings), Metrics()
    guard = Guard(Keys.load(settings), RateLimit(settings.events_a_minute, monotonic), settings.origins())
    people = RateLimit(settings.person_events_a_minute, monotonic)
    admission = Admission()
    metrics.waiting.set_function(lambda: float(admission.events))
    watched = WatchedProducer(producer, settings.silent_seconds)
    intake = Intake(watched, keys, secrets, clock, metrics, people)
    door = Door(intake, admission, metrics, watched.listen)
    known = KnownGems(keys, settings.release_folder(), settings.pointer)
    persons = Persons(keys, secrets.pseudonyms, clock, settings.release_folder())

    @asynccontextmanager
    async def open_door(_: FastAPI) -> AsyncIterator[None]:
        yield
        door.close()
        await run_in_threadpool(producer.close)

    app = FastAPI(title="Hidden Gems collector", version="1", lifespan=open_door, redirect_slashes=False)
    answer_errors(app)
    app.include_router(event_calls(door, guard))
    app.include_router(person_calls(persons, known, guard))
    app.include_router(gem_calls(Gems(producer, known, clock), guard))
    app.include_router(tracker_call())
    _watch(app, metrics, broker_answers)
    describe(app, [Event, Gem, GemOfMany, Consent])
    app.add_middleware(Entrance, admission=admission, metrics=metrics)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.origins(),
        allow_methods=["POST"],
        allow_headers=["Authorization", "Content-Type"],
        expose_headers=["Retry-After"],
    )
    app.add_middleware(EncodedPaths)
    app.add_middleware(TellsTime, clock=clock if settings.clock else None)
    return app


def _watch(app: FastAPI, metrics: Metrics, broker_answers: Callable[[], bool]) -> None:
    @app.get("/healthz", tags=["state"], summary="Alive")
    async def healthz() -> Health:
        """The process answers."""
        return Health(status="ok")

    @app.get("/readyz", tags=["state"], summary="Can accept events", responses={503: {"model": ErrorAnswer}})
    def readyz() -> Health:
        """The broker answers."""
        if not broker_answers():
            raise PartUnavailableError("broker", "it does not answer")
        return Health(status="ready")

    @app.get("/metrics", tags=["state"], summary="Prometheus", response_class=Response)
    async def exposed() -> Response:
        """What is counted."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)
