"""The project as an app (its commands and migrations), and Django's admin with our site."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class NotionScanConfig(AppConfig):
    default = True
    name = "notionscan"

    def ready(self) -> None:
        """Register the check of the database."""
        from notionscan import checks  # noqa: F401  # needs the models


class StaffAdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "notionscan.admin.StaffAdminSite"
