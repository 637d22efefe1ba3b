from django.urls import path

from tenants import service_account_views as accounts
from tenants import views

app_name = "tenants"
urlpatterns = [
    path("orgs/<slug:slug>/members/", views.members, name="members"),
    path("orgs/<slug:slug>/members/<uuid:membership_id>/role", views.member_role, name="member_role"),
    path("orgs/<slug:slug>/members/<uuid:membership_id>/remove", views.member_remove, name="member_remove"),
    path("orgs/<slug:slug>/service-accounts/", accounts.page, name="service_accounts"),
    path("orgs/<slug:slug>/service-accounts/create", accounts.create, name="service_account_create"),
    path(
        "orgs/<slug:slug>/service-accounts/<uuid:account_id>/maturity",
        accounts.maturity,
        name="service_account_maturity",
    ),
    path(
        "orgs/<slug:slug>/service-accounts/<uuid:account_id>/confirm",
        accounts.confirm,
        name="service_account_confirm",
    ),
    path(
        "orgs/<slug:slug>/service-accounts/<uuid:account_id>/revoke",
        accounts.revoke,
        name="service_account_revoke",
    ),
]
