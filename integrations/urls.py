from django.urls import path

from integrations import views

app_name = "integrations"
urlpatterns = [
    path("orgs/<slug:slug>/integrations/", views.page, name="page"),
    path("orgs/<slug:slug>/integrations/notion/shared", views.shared, name="shared"),
    path("orgs/<slug:slug>/integrations/<slug:provider>/authorize", views.authorize, name="authorize"),
    path("orgs/<slug:slug>/integrations/notion/connect", views.connect, name="connect_internal"),
    path("orgs/<slug:slug>/integrations/notion/token", views.token, name="update_token"),
    path("orgs/<slug:slug>/integrations/<slug:provider>/test", views.test, name="test"),
    path("orgs/<slug:slug>/integrations/<slug:provider>/disconnect", views.end, name="disconnect"),
]
