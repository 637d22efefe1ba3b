"""A request's body as JSON, read strictly and the same on every way in."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from integrations.gateway.arguments import MOST_BYTES
from notionscan.errors import Invalid


def json_of(request: HttpRequest) -> Any:
    """Return what a request's body says; an empty one is an empty object.

    Raises: Invalid.
    """
    try:
        return json.loads(request.body or b"{}", parse_constant=_no_number)
    except RequestDataTooBig:
        raise Invalid(f"The request is larger than {MOST_BYTES // 1000} kB; send it in parts.") from None
    except (ValueError, RecursionError):
        raise Invalid("The request's body is not valid JSON.") from None


def _no_number(constant: str) -> NoReturn:
    raise ValueError(constant)
