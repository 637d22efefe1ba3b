"""What every request passes: security headers, an id, an empty scope, the limits, the login."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import middleware as auth_middleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.security import SecurityMiddleware
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect

from audit.record import request_id
from notionscan import limits, rls
from notionscan.http import Request

GetResponse = Callable[[HttpRequest], HttpResponse]

# What a browser would let a page ask for and ours never do. Copying an address to the clipboard they may.
_UNUSED_FEATURES = (
    "accelerometer", "autoplay", "browsing-topics", "camera", "clipboard-read", "display-capture",
    "encrypted-media", "fullscreen", "gamepad", "geolocation", "gyroscope", "hid", "idle-detection",
    "local-fonts", "magnetometer", "microphone", "midi", "payment", "picture-in-picture",
    "publickey-credentials-create", "publickey-credentials-get", "screen-wake-lock", "serial",
    "storage-access", "usb", "xr-spatial-tracking",
)  # fmt: skip
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED_FEATURES),
    # A file that was found says itself how long it may be kept; everything else may be about a person.
    "Cache-Control": "no-store",
}


class ScopeMiddleware:
    """Starts a request without a scope and leaves none on the thread, and gives the request its id.

    The limits learn here who asks.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        id_token, asking_token = request_id.set(uuid.uuid4().hex), limits.request.set(request)
        try:
            with rls.scope(None):
                response = self.get_response(request)
            response.headers["X-Request-Id"] = request_id.get()
            return response
        finally:
            request_id.reset(id_token)
            limits.request.reset(asking_token)


class SecurityHeadersMiddleware:
    """Every header that is about safety, on every answer, and no copy of a signed-in page in any cache.

    Django's own headers (HSTS, nosniff, referrer, opener) are set here, around everything, because
    its SecurityMiddleware leaves them off where it refuses a request itself; within, it only redirects.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._of_django = SecurityMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._of_django.process_response(request, self.get_response(request))
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
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
        # What stood there was the length of the page that this replaces.
        response.headers["Content-Length"] = str(len(response.content))
        return response


class LimitMiddleware:
    """Turns an attempt too many into a page with status 429 that says how long to wait."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, limits.LimitReached):
            return None
        return too_many(request, exception.retry_after_seconds)


def too_many(request: HttpRequest, retry_after_seconds: int = 60) -> HttpResponse:
    """Answer 429. allauth asks for it too (as ``handler429``), and all of its limits are per minute."""
    context = {"when": limits.waiting(retry_after_seconds)}
    response = render(request, "429.html", context, status=429)
    response.headers["Retry-After"] = str(retry_after_seconds)
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
