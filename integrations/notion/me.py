"""Whose token is this? Asked once, before a token is stored."""

from __future__ import annotations

from integrations.http.address import checked_base_url
from integrations.http.credentials import bearer
from integrations.http.plain import Request, send
from integrations.http.retry import Retry
from integrations.http.wire import Deadline
from integrations.notion.answers import judge
from integrations.notion.errors import sealed
from integrations.notion.replies import Me, believed, read_me
from integrations.notion.wire import REQUEST_ID_HEADER
from notionscan.secret import Secret

__all__ = ["Me", "verify_token"]


@sealed
def verify_token(
    token: Secret,
    *,
    base_url: str,
    notion_version: str,
    deadline_seconds: float = 10,
    retry: Retry | None = None,
) -> Me:
    """Ask users/me with a token that is not stored yet; it belongs to no budget.

    Raises: NotionUnauthorized if Notion does not know it; NotionRateLimited; NotionUnavailable.
    Source: developers.notion.com/reference/get-self
    """
    request = Request(
        provider="notion",
        method="GET",
        base_url=f"{checked_base_url(base_url)}/v1",
        path="users/me",
        credentials=bearer(token),
        headers={"Notion-Version": notion_version},
        request_id_header=REQUEST_ID_HEADER,
    )

    def attempt(deadline: Deadline) -> Me:
        answer = send(request, deadline)
        return believed(read_me, judge(answer.status, answer.headers, answer.body, is_read=True))

    return (retry or Retry()).run(attempt, seconds=deadline_seconds)
