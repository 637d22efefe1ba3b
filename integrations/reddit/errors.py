"""What can go wrong with Reddit: typed, each with a sentence that says what to do."""

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


class RedditError(ProviderError):
    """A call to Reddit that did not give what was asked for."""

    code = "reddit_error"
    sentence = "Reddit did not answer as expected. Try again in a few minutes."


class RedditUnauthorized(RedditError, Unauthorized):
    """The token is dead: revoked, expired, or the app was removed in Reddit."""

    code = "reddit_unauthorized"
    sentence = "Reddit no longer accepts this connection. Nothing was lost; reconnect the account."
    remedy = "reconnect"


class RedditRateLimited(RedditError, RateLimited):
    """Nobody may call before ``retry_after`` seconds are over."""

    code = "reddit_rate_limited"
    sentence = "Reddit's request limit is used up for the moment. Try again in a few minutes."
    remedy = "wait"


class RedditUnavailable(RedditError, Unavailable):
    """Down, unreachable, too slow, or not speaking its own language; try again later."""

    code = "reddit_unavailable"
    sentence = "Reddit could not be reached, or gave no usable answer. Nothing was changed; try again."


class RedditAppRefused(RedditUnavailable, AppRefused):
    """Reddit refuses our application, not the customer's grant."""

    code = "reddit_app_refused"
    sentence = (
        "Reddit does not accept this application itself. Nothing was changed; whoever runs Notion Scan "
        "for you has to check its Reddit client ID, client secret and redirect URI."
    )
    remedy = "ask_operator"


class RedditOAuthRefused(RedditError, OAuthRefused):
    """The OAuth endpoint refuses this code or token."""

    code = "reddit_oauth_refused"
    sentence = "Reddit did not accept this authorization. Start again from the integrations page."
    remedy = "reconnect"


def named(error: ProviderError) -> ProviderError:
    """Return Reddit's kind of what the shared machinery raised."""
    if isinstance(error, RedditError):
        return error
    if isinstance(error, Unauthorized):
        return RedditUnauthorized(request_id=error.request_id)
    if isinstance(error, RateLimited):
        return RedditRateLimited(retry_after=error.retry_after, request_id=error.request_id)
    detail = error.detail if isinstance(error, Unavailable) else ""
    return RedditUnavailable(detail, request_id=error.request_id)


sealed = sealing(named)
