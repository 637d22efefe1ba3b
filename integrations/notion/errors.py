"""What can go wrong with Notion: typed, each with a sentence that says what to do."""

from __future__ import annotations


class NotionError(Exception):
    """A call to Notion that did not give what was asked for."""

    code = "notion_error"
    sentence = "Notion did not answer as expected. Try again in a few minutes."

    def __init__(self, *, request_id: str | None = None) -> None:
        super().__init__(self.sentence)
        self.request_id = request_id


class NotionUnauthorized(NotionError):
    """The token is dead: revoked, expired, or the connection was removed in Notion."""

    code = "notion_unauthorized"
    sentence = (
        "Notion no longer accepts this token. Nothing was lost; "
        "reconnect, or paste a new token from your integration's page in Notion."
    )


class NotionCapabilityMissing(NotionError):
    code = "notion_capability_missing"
    sentence = (
        "The connection lacks a capability for this. Add it on the integration's page in Notion, "
        "under Capabilities, and try again."
    )


class NotionNotShared(NotionError):
    """Absent or not shared: Notion does not tell which."""

    code = "notion_not_shared"
    sentence = (
        "Notion has no such page or database, or it is not shared with this connection. "
        "Open it in Notion, choose ••• → Connections, and add the connection."
    )


class NotionConflict(NotionError):
    code = "notion_conflict"
    sentence = "Somebody changed this in Notion at the same moment. Read it again and repeat the change."


class NotionRefused(NotionError):
    """Notion calls the request itself wrong; ``notion_code`` is its own word for it."""

    code = "notion_refused"
    sentence = "Notion refused this request as invalid."

    def __init__(self, *, notion_code: str = "", request_id: str | None = None) -> None:
        super().__init__(request_id=request_id)
        self.notion_code = notion_code


class NotionRateLimited(NotionError):
    """Nobody may call before ``retry_after`` seconds are over."""

    code = "notion_rate_limited"
    sentence = "Notion's request limit is used up for the moment. Try again in a minute."

    def __init__(self, *, retry_after: float, request_id: str | None = None) -> None:
        super().__init__(request_id=request_id)
        self.retry_after = retry_after


class NotionBlocked(NotionError):
    """A block that waiting does not lift."""

    code = "notion_blocked"
    sentence = (
        "Notion has blocked this connection's requests. Waiting does not help; ask Notion's support."
    )


class NotionUnavailable(NotionError):
    """Down, unreachable, too slow, or not speaking its own language; try again later."""

    code = "notion_unavailable"
    sentence = "Notion could not be reached, or gave no usable answer. Nothing was changed; try again."


class NotionOAuthRefused(NotionError):
    """The OAuth endpoint said no; ``error`` is its code, such as ``invalid_grant``."""

    code = "notion_oauth_refused"
    sentence = "Notion did not accept this authorization. Start again from the integrations page."

    def __init__(self, *, error: str, request_id: str | None = None) -> None:
        super().__init__(request_id=request_id)
        self.error = error
