"""The one place where a refusal becomes an HTTP status."""

from __future__ import annotations

import math

from integrations.errors import IntegrationError, TooManyAttempts
from integrations.http.errors import ProviderError, RateLimited, Unauthorized

_NOTION_STATUS = {
    "notion_not_shared": 404,
    "notion_capability_missing": 403,
    "notion_conflict": 409,
    "local_only": 503,
}


def status_of(problem: IntegrationError | ProviderError) -> int:
    """Return the status; whatever else a provider answers, it could not serve us: 502."""
    if isinstance(problem, IntegrationError):
        return problem.status
    if isinstance(problem, Unauthorized):
        return 409
    if isinstance(problem, RateLimited):
        return 429
    return _NOTION_STATUS.get(problem.code, 502)


def retry_after_of(problem: IntegrationError | ProviderError) -> int | None:
    """Return the seconds to wait, where the problem is a limit."""
    if isinstance(problem, TooManyAttempts):
        return problem.retry_after_seconds
    if isinstance(problem, RateLimited):
        return max(1, math.ceil(problem.retry_after))
    return None
