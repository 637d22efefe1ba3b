"""What every error of the door can do for whoever catches, copies or shows it."""

from __future__ import annotations

import traceback

import pytest

from integrations.notion.errors import NotionError, NotionRateLimited, NotionUnavailable
from tests.integrations.notion.doors import ME, Door, FakeTime, opened
from tests.integrations.notion.rawserver import REQUEST_ID, RawServer, answer


def kinds(base: type[NotionError] = NotionError) -> list[type[NotionError]]:
    return [base, *(kind for below in base.__subclasses__() for kind in kinds(below))]


@pytest.mark.parametrize("kind", kinds())
def test_an_error_needs_no_arguments(kind: type[NotionError]) -> None:
    failure = kind()
    assert str(failure) == failure.sentence
    assert failure.request_id is None


def test_codes_tell_the_kinds_apart() -> None:
    codes = [kind.code for kind in kinds()]
    assert len(set(codes)) == len(codes)


def test_unavailable_begins_with_what_happened() -> None:
    assert NotionUnavailable.sentence.startswith("Notion could not be reached")


def test_a_limit_without_a_number_lasts_a_window() -> None:
    assert NotionRateLimited().retry_after == 60


def test_a_reply_that_is_not_believed_keeps_its_request_id() -> None:
    with (
        RawServer(answer(200, ME | {"bot": {}})) as server,
        opened(server.url) as client,
        pytest.raises(NotionUnavailable) as caught,
    ):
        client.me()
    assert caught.value.request_id == REQUEST_ID


@pytest.mark.parametrize("status", [200, 401, 502])
def test_an_error_leaves_the_frames_behind_that_held_the_token(
    door: Door, time: FakeTime, status: int
) -> None:
    with RawServer(answer(status, {"object": "error"})) as server, pytest.raises(NotionError) as caught:
        door(server.url, retry=time.retry())
    passed = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert not [name for name in passed if "site-packages" in name]
    assert not [name for name in passed if name.endswith(("transport.py", "plain.py", "retry.py"))]
