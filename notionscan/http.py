"""The request as our views get it: django-htmx's middleware has added what htmx said."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    htmx: HtmxDetails
