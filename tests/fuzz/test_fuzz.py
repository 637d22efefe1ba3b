"""A small piece of ``make fuzz``, and that it can fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fuzz.field import Field
from tests.fuzz.run import fuzz, is_promised
from tests.site import Site

_REQUESTS = 250


@pytest.fixture
def field(committed: None) -> Iterator[Field]:
    site = Site(worker=False)
    try:
        yield Field(site)
    finally:
        site.close()


def test_no_request_is_an_error_of_ours(field: Field) -> None:
    outcome = fuzz(field, _REQUESTS, by_turns=True)
    assert outcome.failures == []
    assert outcome.requests >= _REQUESTS
    statuses = outcome.all_statuses()
    # They got in, some of them to the end, and no limit stopped them.
    assert statuses[200] > _REQUESTS / 10
    assert not {401, 429} & set(statuses)


@pytest.mark.parametrize(
    ("status", "body", "promised"),
    [
        (200, "", True),
        (404, "<p>", True),
        (500, '{"error": "x", "code": "internal_error"}', False),
        (502, '{"error": "x", "code": "notion_unavailable"}', True),
        (503, '{"error": "x", "code": "local_only"}', True),
        (503, "<h1>", False),
        (504, "", False),
        (502, "[]", False),
    ],
)
def test_an_error_that_is_not_promised_is_a_failure(status: int, body: str, promised: bool) -> None:
    assert is_promised(status, body) is promised
