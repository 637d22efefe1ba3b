from django.urls import path

from audit import views

app_name = "audit"
urlpatterns = [
    path("orgs/<slug:slug>/audit/", views.events, name="events"),
    path("orgs/<slug:slug>/audit/export", views.export, name="export"),
    path("orgs/<slug:slug>/audit/checkpoint", views.checkpoint, name="checkpoint"),
]
