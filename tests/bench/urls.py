"""The site with one more page: logged in, and otherwise empty."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from notionscan.urls import urlpatterns as site

EMPTY = "/bench/empty/"


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


urlpatterns = [path(EMPTY.removeprefix("/"), empty, name="bench_empty"), *site]
