"""Make requests up, send them, count the answers; a 5xx that the document does not promise is a failure."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode

from notionscan.api import api
from tests import database
from tests.fuzz.field import Field, Fuzzer
from tests.site import Site

REQUESTS = 10_000
# What is undone after so many requests: disconnecting ends all else at once, and refused tokens are counted.
_MEND_EVERY = {
    "DELETE /api/orgs/{slug}/integrations/{provider}": 10,
    "POST /api/orgs/{slug}/integrations/notion/internal-connect": 10,
    "PATCH /api/orgs/{slug}/integrations/notion/token": 10,
}
_MEND_ELSE = 100
_NO_ANSWER = 0


@dataclass
class Outcome:
    """How often each operation was answered how, and the requests that were answered wrongly."""

    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return sum(sum(found.values()) for found in self.statuses.values())

    def all_statuses(self) -> dict[int, int]:
        return dict(sorted(sum(self.statuses.values(), Counter()).items()))


def run(arguments: list[str]) -> int:
    """Send so many requests (10,000 unless told otherwise) and print what came. Returns the exit status."""
    amount = int(arguments[0]) if arguments else REQUESTS
    name = database.create(suffix="fuzz", keep=False)
    site = Site(worker=False)
    started = time.monotonic()
    try:
        outcome = fuzz(Field(site), amount, tell=lambda line: print(line, flush=True))  # noqa: T201
    finally:
        site.close()
        database.drop(name)
    result = {
        "requests": outcome.requests,
        "seconds": round(time.monotonic() - started),
        "statuses": outcome.all_statuses(),
        "failures": len(outcome.failures),
    }
    print(json.dumps(result))  # noqa: T201
    return 1 if outcome.failures or outcome.requests < amount else 0


def fuzz(
    field: Field,
    amount: int,
    *,
    by_turns: bool = False,
    tell: Callable[[str], object] = lambda line: None,
) -> Outcome:
    """Send at least so many requests, as many to each operation by each who asks, or ``by_turns`` by one."""
    document = json.loads(json.dumps(api.get_openapi_schema()))
    # Who asks is ours to say, and not made up.
    config = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
    schema = schemathesis.openapi.from_dict(document, config=config)
    operations = [found.ok() for found in schema.get_all_operations()]
    each = math.ceil(amount / len(operations) / (1 if by_turns else len(field.fuzzers)))
    outcome = Outcome()
    for number, operation in enumerate(operations):
        for fuzzer in field.fuzzers[number % 2 :][:1] if by_turns else field.fuzzers:
            label = f"{operation.method.upper()} {operation.path}"
            told = len(outcome.failures)
            counted = _Operation(field, fuzzer, operation, label, outcome.failures).send(each)
            outcome.statuses[f"{fuzzer.name} {label}"] = counted
            tell(f"{fuzzer.name:<11}{label:<60}{dict(sorted(counted.items()))}")
            for failure in outcome.failures[told:]:
                tell(failure)
    return outcome


class _Operation:
    """One operation and one who asks."""

    def __init__(self, field: Field, fuzzer: Fuzzer, operation: Any, label: str, failures: list[str]) -> None:
        self._field = field
        self._fuzzer = fuzzer
        self._operation = operation
        self._failures = failures
        self._mend_every = _MEND_EVERY.get(label, _MEND_ELSE)
        self.counted: Counter[int] = Counter()

    def send(self, amount: int) -> Counter[int]:
        self._field.mend()
        rounds = 0
        while (left := amount - self.counted.total()) > 0:
            # Half of what is made up fits the document; where nothing can be wrong with it, or there is only
            # one way to be right, the next round asks the same again with other ids.
            for mode, share in (
                (GenerationMode.POSITIVE, math.ceil(left / 2)),
                (GenerationMode.NEGATIVE, left // 2),
            ):
                self._try(mode, share, rounds)
            rounds += 1
        return self.counted

    def _try(self, mode: GenerationMode, amount: int, number: int) -> None:
        @seed(number)
        @given(case=self._operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=max(1, amount),
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def each(case: Any) -> None:
            self._ask(case)

        try:
            each()
        except Unsatisfiable:
            # Any text is right here.
            return

    def _ask(self, case: Any) -> None:
        case.path_parameters = self._field.placed(dict(case.path_parameters or {}))
        try:
            answer = case.call(
                base_url=self._field.site.url,
                session=self._fuzzer.session,
                headers=self._fuzzer.headers,
                timeout=60,
            )
        except requests.RequestException as problem:
            self.counted[_NO_ANSWER] += 1
            self._failures.append(f"{self._fuzzer.name}: no answer ({problem})\n{case.as_curl_command()}")
            return
        self.counted[answer.status_code] += 1
        if not is_promised(answer.status_code, answer.text):
            curl = case.as_curl_command()
            self._failures.append(f"{self._fuzzer.name}: {answer.status_code} {answer.text[:300]}\n{curl}")
        if self.counted.total() % self._mend_every == 0:
            self._field.mend()


def is_promised(status: int, body: str) -> bool:
    """Return whether the API's document promises such an answer: of 5xx, those about Notion, in its shape."""
    if status < 500:
        return True
    try:
        problem = json.loads(body)
    except ValueError:
        return False
    return status in (502, 503) and isinstance(problem, dict) and set(problem) >= {"error", "code"}
