"""For staff: people, and the directory of organizations."""

from django.contrib import admin

from notionscan.admin import ReadOnlyAdmin
from tenants.models import OrganizationEntry, User


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    list_display = ("email", "name", "is_staff", "is_active", "last_login", "date_joined")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email", "name")
    fields = ("email", "name", "is_staff", "is_active", "last_login", "date_joined")


@admin.register(OrganizationEntry)
class OrganizationEntryAdmin(ReadOnlyAdmin):
    list_display = ("slug", "name", "created_at", "members")
    search_fields = ("slug", "name")
    ordering = ("slug",)
