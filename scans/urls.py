from django.urls import path

from scans import views

app_name = "scans"
urlpatterns = [
    path("orgs/<slug:slug>/scans/", views.history, name="history"),
    path("orgs/<slug:slug>/scans/start", views.start, name="start"),
    path("orgs/<slug:slug>/scans/schedule", views.schedule, name="schedule"),
    path("orgs/<slug:slug>/scans/<uuid:scan_id>/", views.detail, name="detail"),
    path("orgs/<slug:slug>/scans/<uuid:scan_id>/cancel", views.cancel, name="cancel"),
]
