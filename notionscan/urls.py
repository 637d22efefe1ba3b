"""Every address of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from notionscan import health
from notionscan.api import api
from tenants.views import home

urlpatterns = [
    path("", home, name="home"),
    path("", include("integrations.urls")),
    path("", include("tenants.urls")),
    path("", include("audit.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
