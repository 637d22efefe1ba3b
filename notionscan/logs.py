"""Logging: one JSON object per line, without secrets."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

# A shared report's token in an address, and a service account's key anywhere. Also in the middle of JSON,
# where a backslash ends an address as a quotation mark does.
_KEYS = re.compile(r"(?<=/r/)(?!view/)[^/\s\"'?#\\]+|nscan_[0-9A-Za-z]{7,}")


class JsonFormatter(logging.Formatter):
    """Format a record as one JSON line; ``extra={"fields": {…}}`` adds members."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # An address that is a key, or holds one, may be in any of these.
        return without_keys(json.dumps(line, ensure_ascii=False, default=str))


def without_keys(text: str) -> str:
    """Return the text with a hash in place of each key."""
    return _KEYS.sub(_hashed, text)


def _hashed(token: re.Match[str]) -> str:
    return f"sha256-{hashlib.sha256(token[0].encode()).hexdigest()[:12]}"


def configuration(*, debug: bool) -> dict[str, Any]:
    """Return Django's LOGGING: everything to standard error, the libraries that log requests at WARNING."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            # No mail to admins: Django's HTML report prints local variables and the POST field "token".
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO" if debug else "WARNING", "propagate": True},
            # At DEBUG it prints the context of a missing variable: the request, with the code and the state.
            "django.template": {"level": "INFO"},
            "procrastinate": {"level": "WARNING"},
            # They log each address, with ids and cursors in it; the door's own line has what is of use.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
        },
    }
