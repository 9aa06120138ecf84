"""Whatever fits the collector's description, and much that does not, for minutes: `python -m tests.collector_schema`.

A real broker, a real Redis and the collector, each a process of its own. Round after round with a new seed, every call
of the description gets requests that fit it and requests that do not. Ends with 1 at the first answer that is a 5xx or
not as described, and prints the request.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.collector_load import parts
from tests.load_generator import API_KEY

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
EXAMPLES = 20


def ask(operation: Any, mode: GenerationMode, number: int, tell: Callable[[int], None]) -> None:
    """Send examples of one call, and check each answer."""

    @seed(number)
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def answers_as_described(case: schemathesis.Case) -> None:
        answer = case.call_and_validate(headers={"Authorization": f"Bearer {API_KEY}"}, checks=CHECKS)
        tell(answer.status_code)

    with suppress(Unsatisfiable):  # a call without anything that could be wrong
        answers_as_described()


def main() -> int:
    """Ask until the time is over; 1 where an answer was not as described."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    statuses: Counter[int] = Counter()
    rounds = 0
    with TemporaryDirectory() as folder, parts(Path(folder)) as running:
        schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{running.port}/openapi.json")
        operations = [found.ok() for found in schema.get_all_operations()]
        end = time.monotonic() + asked.seconds
        while time.monotonic() < end:
            for operation in operations:
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    try:
                        ask(operation, mode, asked.seed + rounds, lambda status: statuses.update([status]))
                    except Exception as error:
                        print(f"{operation.label}, {mode.value}, seed {asked.seed + rounds}: {error}", file=sys.stderr)
                        return 1
            rounds += 1
    said = {"seconds": asked.seconds, "first_seed": asked.seed, "rounds": rounds, "calls": len(operations)}
    print(json.dumps(said | {"answers": sum(statuses.values()), "statuses": dict(sorted(statuses.items()))}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
