from django.urls import path

from integrations import mirror_views, views

_MIRROR = "orgs/<slug:slug>/integrations/notion/mirror/"

app_name = "integrations"
urlpatterns = [
    path("orgs/<slug:slug>/integrations/", views.page, name="page"),
    path("orgs/<slug:slug>/integrations/notion/shared", views.shared, name="shared"),
    path("orgs/<slug:slug>/integrations/<slug:provider>/authorize", views.authorize, name="authorize"),
    path("orgs/<slug:slug>/integrations/notion/connect", views.connect, name="connect_internal"),
    path("orgs/<slug:slug>/integrations/notion/token", views.token, name="update_token"),
    path("orgs/<slug:slug>/integrations/<slug:provider>/test", views.test, name="test"),
    path("orgs/<slug:slug>/integrations/<slug:provider>/disconnect", views.end, name="disconnect"),
    path(f"{_MIRROR}set", mirror_views.set_database, name="set_mirror"),
    path(f"{_MIRROR}create", mirror_views.create_database, name="create_mirror"),
    path(f"{_MIRROR}retry", mirror_views.retry, name="retry_mirror"),
    path(f"{_MIRROR}stop", mirror_views.stop, name="stop_mirror"),
]
