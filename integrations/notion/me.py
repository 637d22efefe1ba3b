"""Whose token is this? Asked once, before a token is stored."""

from __future__ import annotations

from integrations.notion.address import checked_base_url
from integrations.notion.answers import judge
from integrations.notion.plain import send
from integrations.notion.replies import Me, read_me
from integrations.notion.retry import Retry
from integrations.notion.wire import Deadline
from notionscan.secret import Secret

__all__ = ["Me", "verify_token"]


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
    url = f"{checked_base_url(base_url)}/v1/users/me"
    headers = {"Authorization": f"Bearer {token.expose()}", "Notion-Version": notion_version}

    def attempt(deadline: Deadline) -> Me:
        status, answered, body = send(
            "GET", url, path="users/me", headers=headers, json=None, deadline=deadline, is_read=True
        )
        return read_me(judge(status, answered, body, is_read=True))

    return (retry or Retry()).run(attempt, seconds=deadline_seconds)
