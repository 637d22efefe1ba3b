"""What can go wrong with Notion: typed, each with a sentence that says what to do."""

from __future__ import annotations

from integrations.http.errors import (
    AppRefused,
    OAuthRefused,
    ProviderError,
    RateLimited,
    Unauthorized,
    Unavailable,
    sealing,
)


class NotionError(ProviderError):
    """A call to Notion that did not give what was asked for."""

    code = "notion_error"
    sentence = "Notion did not answer as expected. Try again in a few minutes."


class NotionUnauthorized(NotionError, Unauthorized):
    """The token is dead: revoked, expired, or the connection was removed in Notion."""

    code = "notion_unauthorized"
    sentence = (
        "Notion no longer accepts this token. Nothing was lost; "
        "reconnect, or paste a new token from your integration's page in Notion."
    )
    remedy = "reconnect"


class NotionCapabilityMissing(NotionError):
    """The connection may not do this at all, whatever is shared with it."""

    code = "notion_capability_missing"
    sentence = (
        "The connection lacks a capability for this. Add it on the integration's page in Notion, "
        "under Capabilities, and try again."
    )
    remedy = "add_capability"


class NotionNotShared(NotionError):
    """Absent or not shared: Notion does not tell which."""

    code = "notion_not_shared"
    sentence = (
        "Notion has no such page or database, or it is not shared with this connection. "
        "Open it in Notion, choose ••• → Connections, and add the connection."
    )
    remedy = "share"


class NotionConflict(NotionError):
    """Another change came in between."""

    code = "notion_conflict"
    sentence = "Somebody changed this in Notion at the same moment. Read it again and repeat the change."
    remedy = "read_again"


class NotionRefused(NotionError):
    """Notion calls the request itself wrong; ``notion_code`` is its own word for it."""

    code = "notion_refused"
    sentence = "Notion could not make sense of this request, and did nothing. Check what was asked for."
    remedy = "correct"

    # The message may quote the request: it is for who asked, and for no log.
    def __init__(self, *, notion_code: str = "", message: str = "", request_id: str | None = None) -> None:
        super().__init__(request_id=request_id)
        self.notion_code = notion_code
        self.message = message


class NotionRateLimited(NotionError, RateLimited):
    """Nobody may call before ``retry_after`` seconds are over."""

    code = "notion_rate_limited"
    sentence = "Notion's request limit is used up for the moment. Try again in a minute."
    remedy = "wait"


class NotionBlocked(NotionError):
    """A block that waiting does not lift."""

    code = "notion_blocked"
    sentence = "Notion has blocked this connection's requests. Waiting does not help; ask Notion's support."
    remedy = "ask_support"


class NotionUnavailable(NotionError, Unavailable):
    """Down, unreachable, too slow, or not speaking its own language; try again later."""

    code = "notion_unavailable"
    sentence = "Notion could not be reached, or gave no usable answer. Nothing was changed; try again."


class NotionOutcomeUnknown(NotionUnavailable):
    """A write that Notion may have saved: it must not be repeated before somebody looked."""

    code = "notion_outcome_unknown"
    sentence = (
        "Notion did not say whether it saved this change. Read the page before you repeat it, "
        "or the change may be there twice."
    )
    remedy = "read_again"


class NotionSaved(NotionError):
    """A write that Notion saved although it answered with a failure; ``ids`` are those of what it made."""

    code = "notion_saved"
    sentence = "Notion saved this change, and then failed to show it. Do not repeat it; read it again."
    remedy = "read_again"

    def __init__(self, ids: tuple[str, ...] = (), *, request_id: str | None = None) -> None:
        super().__init__(request_id=request_id)
        self.ids = ids


class NotionAppRefused(NotionUnavailable, AppRefused):
    """Notion refuses our application, not the customer's grant."""

    code = "notion_app_refused"
    sentence = (
        "Notion does not accept this application itself. Nothing was changed; whoever runs Notion Scan "
        "for you has to check its Notion client ID, client secret and redirect URI."
    )
    remedy = "ask_operator"


class NotionOAuthRefused(NotionError, OAuthRefused):
    """The OAuth endpoint refuses this code or token."""

    code = "notion_oauth_refused"
    sentence = "Notion did not accept this authorization. Start again from the integrations page."
    remedy = "reconnect"


def named(error: ProviderError) -> ProviderError:
    """Return Notion's kind of what the shared machinery raised."""
    if isinstance(error, NotionError):
        return error
    if isinstance(error, Unauthorized):
        return NotionUnauthorized(request_id=error.request_id)
    if isinstance(error, RateLimited):
        return NotionRateLimited(retry_after=error.retry_after, request_id=error.request_id)
    detail = error.detail if isinstance(error, Unavailable) else ""
    return NotionUnavailable(detail, request_id=error.request_id)


sealed = sealing(named)
