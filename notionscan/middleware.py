"""What every request passes: an id, an empty scope, security headers, the login."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import middleware as auth_middleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect

from audit.record import request_id
from notionscan import rls
from notionscan.http import Request

GetResponse = Callable[[HttpRequest], HttpResponse]

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


class ScopeMiddleware:
    """Starts a request without a scope and leaves none on the thread, and gives the request its id."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = request_id.set(uuid.uuid4().hex)
        try:
            with rls.scope(None):
                response = self.get_response(request)
            response.headers["X-Request-Id"] = request_id.get()
            return response
        finally:
            request_id.reset(token)


class SecurityHeadersMiddleware:
    """A strict content policy everywhere, and no copy of a signed-in page in any cache."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        # A file that was found says itself how long it may be kept; everything else may be about a person.
        response.headers.setdefault("Cache-Control", "no-store")
        patch_vary_headers(response, ["HX-Request"])
        return response


class ApiProblemMiddleware:
    """Gives Django's own refusals below /api/ (404, 405, a body too large, 500) the API's one shape."""

    _SENTENCES = {
        400: ("The request cannot be read.", "invalid_request"),
        404: ("There is nothing here.", "not_found"),
        405: ("This address does not take that method.", "method_not_allowed"),
        500: ("Something went wrong here; it was logged. Try again.", "internal_error"),
    }

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        is_page = match is not None and match.url_name == "oauth_callback"
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        if response.status_code < 400 or not request.path.startswith("/api/") or is_page or is_json:
            return response
        sentence, code = self._SENTENCES.get(response.status_code, self._SENTENCES[400])
        response.content = json.dumps({"error": sentence, "code": code}).encode()
        response.headers["Content-Type"] = "application/json"
        return response


class LoginRequiredMiddleware(auth_middleware.LoginRequiredMiddleware):
    """Everybody logs in, unless a view says that it is public."""

    def process_view(self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any) -> Any:
        # The API authenticates by itself: it answers 401 in JSON.
        match = request.resolver_match
        if match and "api" in match.namespaces:
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)

    def get_login_url(self, view_func: Any) -> str:
        """Return the one login page, for the admin's views too: it has the limits and the audit."""
        return resolve_url(settings.LOGIN_URL)

    def handle_no_permission(  # type: ignore[override]  # the supertype knows no HX-Redirect
        self, request: Request, view_func: Any
    ) -> HttpResponseBase:
        if not request.htmx:
            return super().handle_no_permission(request, view_func)
        # A fragment cannot follow a redirect to a page; the browser must, and come back to its page.
        page = request.htmx.current_url_abs_path or "/"
        return HttpResponseClientRedirect(redirect_to_login(page, self.get_login_url(view_func)).url)
