from django.urls import path

from scans import calibration_views, finding_views, report_views, share_views, views

app_name = "scans"
urlpatterns = [
    path("orgs/<slug:slug>/scans/", views.history, name="history"),
    path("orgs/<slug:slug>/scans/start", views.start, name="start"),
    path("orgs/<slug:slug>/scans/schedule", views.schedule, name="schedule"),
    path("orgs/<slug:slug>/scans/<uuid:scan_id>/", views.detail, name="detail"),
    path("orgs/<slug:slug>/scans/<uuid:scan_id>/cancel", views.cancel, name="cancel"),
    path("orgs/<slug:slug>/scans/<uuid:scan_id>/report/", report_views.report, name="report"),
    path("orgs/<slug:slug>/scans/<uuid:scan_id>/report.json", report_views.as_json, name="report_json"),
    path("orgs/<slug:slug>/scans/<uuid:scan_id>/report.csv", report_views.as_csv, name="report_csv"),
    path("orgs/<slug:slug>/scans/<uuid:scan_id>/report.pdf", report_views.as_pdf, name="report_pdf"),
    path("orgs/<slug:slug>/shares/", share_views.page, name="shares"),
    path("orgs/<slug:slug>/shares/create", share_views.create, name="share_create"),
    path("orgs/<slug:slug>/shares/<uuid:share_id>/revoke", share_views.revoke, name="share_revoke"),
    path("orgs/<slug:slug>/findings/", finding_views.page, name="findings"),
    path("orgs/<slug:slug>/findings/<uuid:finding_id>/assign", finding_views.give, name="assign"),
    path("orgs/<slug:slug>/calibration/", calibration_views.page, name="calibration"),
    path("orgs/<slug:slug>/calibration/preview", calibration_views.try_out, name="calibration_preview"),
    path("orgs/<slug:slug>/calibration/save", calibration_views.save, name="calibration_save"),
    path("orgs/<slug:slug>/calibration/back", calibration_views.roll_back, name="calibration_rollback"),
    path("orgs/<slug:slug>/calibration/pin", calibration_views.pin, name="calibration_pin"),
    path("orgs/<slug:slug>/calibration/person", calibration_views.person, name="calibration_person"),
    path("orgs/<slug:slug>/calibration/mute", calibration_views.mute, name="calibration_mute"),
    path("orgs/<slug:slug>/calibration/unmute", calibration_views.unmute, name="calibration_unmute"),
    path("orgs/<slug:slug>/calibration/label", calibration_views.label, name="calibration_label"),
    path(
        "orgs/<slug:slug>/scans/<uuid:scan_id>/report/<slug:name>/", report_views.dimension, name="dimension"
    ),
]
