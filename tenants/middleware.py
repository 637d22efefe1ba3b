"""Turns a refused page request into an audit event."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from tenants.denials import record_denial
from tenants.policy import Forbidden, Outsider


class DenialMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Record it here, outside the view's transaction; Django then answers 403 or 404."""
        if isinstance(exception, Forbidden | Outsider):
            record_denial(exception, path=request.path, method=request.method or "")
