"""For staff: the status of connections, and nothing of what they hold."""

from django.contrib import admin

from integrations.models import ConnectionStatus
from notionscan.admin import ReadOnlyAdmin


@admin.register(ConnectionStatus)
class ConnectionStatusAdmin(ReadOnlyAdmin):
    list_display = (
        "organization",
        "provider",
        "connection_type",
        "status",
        "error_code",
        "connected_at",
        "last_used_at",
    )
    list_filter = ("status", "connection_type")
    search_fields = ("organization",)
    ordering = ("organization",)
