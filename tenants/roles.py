"""Roles and what each of them may do. The one place that says so."""

from __future__ import annotations

from django.db import models


class Permission(models.TextChoices):
    """What can be done in an organization; the value is guardian's codename."""

    READ = "read_organization", "read"
    WRITE = "write_organization", "write"
    DELETE = "delete_organization", "delete"
    MANAGE = "manage_organization", "manage"


class Role(models.TextChoices):
    ADMIN = "admin", "Admin"
    EDITOR = "editor", "Editor"
    VIEWER = "viewer", "Viewer"


PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.EDITOR: frozenset({Permission.READ, Permission.WRITE}),
    Role.VIEWER: frozenset({Permission.READ}),
}
