"""Every address of the site."""

from __future__ import annotations

from allauth.account import views as account_views
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import TemplateView

from integrations.callback import callback
from integrations.gateway.mcp.views import mcp
from integrations.providers import PROVIDERS
from notionscan import health
from notionscan.api import api
from scans.overview import overview
from scans.share_views import enter, shared
from tenants.own_scope import in_own_scope
from tenants.views import home

trust = TemplateView.as_view(template_name="trust.html", extra_context={"providers": PROVIDERS})

urlpatterns = [
    path("", home, name="home"),
    path("orgs/<slug:slug>/", overview, name="overview"),
    path("", include("integrations.urls")),
    path("", include("integrations.browse.urls")),
    path("", include("scans.urls")),
    path("r/view/<uuid:share_id>/", shared, name="shared"),
    path("r/<str:token>", enter, name="share"),
    path("", include("tenants.urls")),
    path("", include("audit.urls")),
    # Before allauth's own, with the scope that it knows nothing of.
    path("accounts/email/", in_own_scope(account_views.email), name="account_email"),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
    # A page for the browser that comes back from the provider, though its address is below /api/.
    path("api/integrations/<slug:provider>/callback", callback, name="oauth_callback"),
    path("api/", api.urls),
    path("mcp", mcp, name="mcp"),
    path("trust", login_not_required(trust), name="trust"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]

# allauth answers its own limits with this.
handler429 = "notionscan.middleware.too_many"
