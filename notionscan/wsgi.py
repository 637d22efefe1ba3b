"""The WSGI entry point that gunicorn serves."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.core.wsgi import get_wsgi_application

from notionscan.logs import without_keys

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notionscan.settings")
_django = get_wsgi_application()
# What the server makes its access log of.
_LOGGED = ("RAW_URI", "REQUEST_URI", "PATH_INFO", "QUERY_STRING", "HTTP_REFERER")


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request, and leave the hash of a key where the server's log would find the key."""
    try:
        return _django(environ, start_response)
    finally:
        for name in _LOGGED:
            if name in environ:
                environ[name] = without_keys(environ[name])
