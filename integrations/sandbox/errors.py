"""Notion's errors: one table of codes, one envelope, and the other envelope that OAuth uses."""

from typing import Any

STATUS = {
    "invalid_json": 400,
    "invalid_request_url": 400,
    "invalid_request": 400,
    "validation_error": 400,
    "missing_version": 400,
    "unauthorized": 401,
    "restricted_resource": 403,
    "object_not_found": 404,
    "conflict_error": 409,
    "rate_limited": 429,
    "internal_server_error": 500,
    "bad_gateway": 502,
    "service_unavailable": 503,
    "database_connection_unavailable": 503,
    "gateway_timeout": 504,
    "service_overload": 529,
}


class ApiError(Exception):
    """A refusal in the API's envelope."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        additional_data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = STATUS[code]
        self.message = message
        self.additional_data = additional_data
        self.headers = headers or {}

    def body(self, request_id: str) -> dict[str, Any]:
        """Return the error object."""
        extra = {"additional_data": self.additional_data} if self.additional_data else {}
        return {
            "object": "error",
            "status": self.status,
            "code": self.code,
            "message": self.message,
            **extra,
            "request_id": request_id,
        }


class OAuthError(Exception):
    """A refusal in the shape of RFC 6749, which Notion's OAuth endpoints answer with."""

    def __init__(self, error: str, *, status: int = 400, description: str | None = None) -> None:
        super().__init__(description or error)
        self.error = error
        self.status = status
        self.description = description

    def body(self, request_id: str) -> dict[str, Any]:
        """Return the error object."""
        extra = {"error_description": self.description} if self.description else {}
        return {"error": self.error, **extra, "request_id": request_id}


def invalid(message: str) -> ApiError:
    """Return the error for a request that is understood but wrong."""
    return ApiError("validation_error", message)


def unknown_route() -> ApiError:
    """Return the error for a path or method that does not exist."""
    return ApiError("invalid_request_url", "Invalid request URL.")


def rate_limited(
    retry_after: str | None, *, reason: str = "public_api_request_rate_limit", code: str = "rate_limited"
) -> ApiError:
    """Return the error for too many requests; `retry_after` goes out as given, or not at all."""
    data = {"rate_limit_reason": reason} | ({} if retry_after is None else {"retry_after": retry_after})
    return ApiError(
        code,
        "You have been rate limited. Please try again in a few minutes.",
        additional_data=data,
        headers={} if retry_after is None else {"Retry-After": retry_after},
    )
