"""The JSON API: session with CSRF or a service account's key, every error in one shape."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import SessionAuth
from ninja.security.base import AuthBase

from integrations.api import router
from integrations.errors import IntegrationError
from integrations.gateway.api import router as gateway_router
from integrations.http.errors import ProviderError
from integrations.problems import retry_after_of, status_of
from notionscan.errors import Invalid
from scans.api import router as scans_router
from tenants.denials import record_denial
from tenants.keys import BudgetSpent, KeyRefused, account_of
from tenants.models import ServiceAccount
from tenants.policy import Forbidden, Outsider


class ServiceAccountKey(AuthBase):
    """A service account's key as a bearer token; asked first, since whoever sends one means it."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> ServiceAccount | None:
        return account_of(request)


class Session(SessionAuth):
    """The site's login with CSRF; who is not logged in is told that, and not about a CSRF token."""

    def __call__(self, request: HttpRequest) -> Any:
        return super().__call__(request) if request.user.is_authenticated else None


api = NinjaAPI(
    title="Notion Scan",
    version="1",
    urls_namespace="api",
    auth=[ServiceAccountKey(), Session(csrf=True)],
    docs_url="/docs",
    openapi_url="/openapi.json",
)
api.add_router("", router)
api.add_router("", gateway_router)
api.add_router("", scans_router)


def _problem(request: HttpRequest, status: int, sentence: str, code: str, **details: Any) -> HttpResponse:
    return api.create_response(request, {"error": sentence, "code": code, **details}, status=status)


@api.exception_handler(AuthenticationError)
def _anonymous(request: HttpRequest, problem: AuthenticationError) -> HttpResponse:
    return _problem(
        request, 401, "Log in first, or send a service account's key as a bearer token.", "not_authenticated"
    )


@api.exception_handler(KeyRefused)
def _no_key(request: HttpRequest, problem: KeyRefused) -> HttpResponse:
    response = _problem(request, 401, problem.sentence, "not_authenticated")
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(BudgetSpent)
def _spent(request: HttpRequest, problem: BudgetSpent) -> HttpResponse:
    response = _problem(request, 429, str(problem), "budget_spent")
    response.headers["Retry-After"] = str(problem.retry_after_seconds)
    return response


@api.exception_handler(Outsider)
@api.exception_handler(Forbidden)
def _refused(request: HttpRequest, refusal: Outsider | Forbidden) -> HttpResponse:
    record_denial(refusal, path=request.path, method=request.method or "")
    if isinstance(refusal, Forbidden):
        return _problem(request, 403, str(refusal), "forbidden")
    return _problem(request, 404, str(refusal), "not_found")


@api.exception_handler(Http404)
def _absent(request: HttpRequest, problem: Http404) -> HttpResponse:
    return _problem(request, 404, "There is nothing here, or you are not a member of it.", "not_found")


@api.exception_handler(PermissionDenied)
def _forbidden(request: HttpRequest, problem: PermissionDenied) -> HttpResponse:
    return _problem(request, 403, "This is not allowed.", "forbidden")


@api.exception_handler(IntegrationError)
@api.exception_handler(ProviderError)
def _integration(request: HttpRequest, problem: IntegrationError | ProviderError) -> HttpResponse:
    details = problem.details if isinstance(problem, IntegrationError) else {}
    response = _problem(request, status_of(problem), problem.sentence, problem.code, **details)
    if (seconds := retry_after_of(problem)) is not None:
        response.headers["Retry-After"] = str(seconds)
    return response


@api.exception_handler(Invalid)
def _invalid(request: HttpRequest, problem: Invalid) -> HttpResponse:
    return _problem(request, 400, problem.sentence, "invalid_request")


@api.exception_handler(ValidationError)
def _malformed(request: HttpRequest, problem: ValidationError) -> HttpResponse:
    # Only where and why: pydantic's message would repeat the input, and the input may be a token.
    # A name that long is no field's: it may be a token in the wrong place, and is cut.
    fields = sorted({str(error["loc"][-1])[:24] for error in problem.errors if error.get("loc")})
    return _problem(
        request, 400, f"Correct these fields of the request: {', '.join(fields)}.", "invalid_request"
    )


@api.exception_handler(HttpError)
def _http(request: HttpRequest, problem: HttpError) -> HttpResponse:
    if problem.status_code == 403:
        return _problem(request, 403, "The CSRF token is missing or wrong.", "csrf_failed")
    return _problem(request, problem.status_code, "The request's body is not valid JSON.", "invalid_request")
