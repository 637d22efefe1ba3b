"""Error reports without secrets: where it happened, and nothing of what was held there.

Django's own show local variables, POST fields, cookies and query strings (one has an OAuth code and state) in
the mail to ADMINS and on the page of DEBUG.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

from django.http import HttpRequest
from django.views.debug import ExceptionReporter


class Reporter(ExceptionReporter):
    def __init__(
        self,
        request: HttpRequest | None,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
        is_email: bool = False,
    ) -> None:
        super().__init__(None, exc_type, exc_value, tb, is_email)

    def get_traceback_data(self) -> dict[str, Any]:
        data = super().get_traceback_data()
        for frame in data.get("frames", []):
            frame["vars"] = []
        return data | {"settings": {}}
