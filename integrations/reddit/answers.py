"""Turn Reddit's HTTP answer into a reply, a typed error, or a reason to try again."""

from __future__ import annotations

from typing import Any

from integrations.http.errors import Unavailable
from integrations.http.plain import Answer
from integrations.http.retry import Transient, retry_after_seconds
from integrations.http.wire import parse_object, word_of
from integrations.reddit.errors import (
    RedditAppRefused,
    RedditError,
    RedditOAuthRefused,
    RedditUnauthorized,
    RedditUnavailable,
)

_BROKEN = (500, 502, 503, 504)
# What Reddit says about a code or a refresh token that is worth nothing any more: ``invalid_grant`` with
# status 200, or a bare "Bad Request" (its number, in place of a word) with status 400. Callers erase tokens
# for these, so every other word counts as our application's fault.
_OF_THE_GRANT = ("invalid_grant", "invalid_request", "400")


def granted(answer: Answer) -> dict[str, Any]:
    """Return what the token endpoint gave; its requests serve once, so only a limit is waited for.

    Raises: Transient; RedditOAuthRefused; RedditAppRefused; RedditUnavailable.
    Source: github.com/reddit-archive/reddit/wiki/OAuth2
    """
    found = _reply(answer, is_read=False)
    error = _error_of(found)
    if answer.status == 200 and "error" not in found:
        return found
    if answer.status in (200, 400) and error in _OF_THE_GRANT:
        raise RedditOAuthRefused(error=error)
    raise _refused(answer, error)


def revoked(answer: Answer) -> None:
    """Believe that a token is revoked: the answer is empty, also for a token that Reddit does not know.

    Raises: Transient; RedditAppRefused; RedditUnavailable.
    """
    if answer.status != 204:
        found = _reply(answer, is_read=True)
        if answer.status != 200 or "error" in found:
            raise _refused(answer, _error_of(found))


def identified(answer: Answer) -> dict[str, Any]:
    """Return what Reddit says of a token's account.

    Raises: Transient; RedditUnauthorized, in Reddit's own words alone: the edge and proxies answer 401 too,
    and a token that is believed to be dead is erased; RedditUnavailable.
    """
    found = _reply(answer, is_read=True)
    if answer.status == 200:
        return found
    if answer.status == 401 and _error_of(found) == "401":
        raise RedditUnauthorized
    raise RedditUnavailable(f"status {answer.status}")


def _reply(answer: Answer, *, is_read: bool) -> dict[str, Any]:
    """Return the JSON object of an answer, or nothing for what is no JSON and is final all the same."""
    asked = retry_after_seconds(answer.headers.get("retry-after"))
    if answer.status == 429:
        # Where there is no Retry-After, the window's end stands in a header of Reddit's own.
        raise Transient(
            is_limit=True, retry_after=asked or retry_after_seconds(answer.headers.get("x-ratelimit-reset"))
        )
    try:
        found = parse_object(answer.body)
    except Unavailable:
        found = None
    if answer.status in _BROKEN or (answer.status == 200 and found is None):
        raise Transient(repeatable=is_read, retry_after=asked, detail=f"status {answer.status}")
    return found or {}


def _error_of(found: dict[str, Any]) -> str:
    error = found.get("error")
    is_number = isinstance(error, int) and not isinstance(error, bool)
    return word_of(str(error) if is_number else error)


def _refused(answer: Answer, error: str) -> RedditError:
    """Return what a refusal means that is not about the grant; a page of HTML refuses nothing."""
    return RedditAppRefused(error=error) if error else RedditUnavailable(f"status {answer.status}")
