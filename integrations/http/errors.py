"""What can go wrong with any provider. Each door gives these its own names, codes and sentences.

The machinery in this package does not know whose call it makes: it raises what stands here, and ``sealing``
lets it out of a door as that door's kind of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class ProviderError(Exception):
    """A call to a provider that did not give what was asked for.

    ``remedy`` is a key for who wants to offer the next step as a button rather than as words.
    """

    code = "provider_error"
    sentence = "The provider did not answer as expected. Try again in a few minutes."
    remedy = "retry"

    def __init__(self, *, request_id: str | None = None) -> None:
        super().__init__(self.sentence)
        self.request_id = request_id


class LocalOnly(ProviderError):
    """Nothing was sent, to whichever provider: this deployment lets no call out."""

    code = "local_only"
    sentence = (
        "This deployment works in local-only mode: no call leaves for Notion or Reddit. "
        "Whoever runs Notion Scan can change that."
    )
    remedy = "ask_operator"


class Unauthorized(ProviderError):
    """The token is dead: revoked, expired, or the connection was removed at the provider."""


class RateLimited(ProviderError):
    """Nobody may call before ``retry_after`` seconds are over."""

    # Without a number of the provider's: windows are a minute long.
    def __init__(self, *, retry_after: float = 60, request_id: str | None = None) -> None:
        super().__init__(request_id=request_id)
        self.retry_after = retry_after


class Unavailable(ProviderError):
    """Down, unreachable, too slow, or not speaking its own language; try again later.

    ``detail`` says for operators what was wrong; it never quotes the answer.
    """

    def __init__(self, detail: str = "", *, request_id: str | None = None) -> None:
        super().__init__(request_id=request_id)
        self.detail = detail


class AppRefused(Unavailable):
    """Our application is refused, not the customer's grant; ``error`` is such as ``invalid_client``.

    A kind of unavailable: a mistyped client secret must not make anyone believe that tokens are dead.
    """

    def __init__(self, *, error: str = "", request_id: str | None = None) -> None:
        super().__init__(error, request_id=request_id)
        self.error = error


class OAuthRefused(ProviderError):
    """The OAuth endpoint refuses this code or token; ``error`` is its word, such as ``invalid_grant``."""

    def __init__(self, *, error: str = "", request_id: str | None = None) -> None:
        super().__init__(request_id=request_id)
        self.error = error


def sealing(
    named: Callable[[ProviderError], ProviderError],
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that lets errors out of a door without the frames and causes that they came through.

    Those frames held requests with their headers and replies with new tokens, and error reports
    print the local variables of every frame.
    """

    def sealed(call: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(call)
        def sealing(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return call(*args, **kwargs)
            except ProviderError as error:
                failure = error if isinstance(error, LocalOnly) else named(error)
            failure.__context__ = failure.__cause__ = None
            raise failure.with_traceback(None)

        return sealing

    return sealed
