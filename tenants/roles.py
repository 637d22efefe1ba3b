"""Roles of people, maturities of service accounts, and what each may do. The one place that says so."""

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


class Maturity(models.TextChoices):
    """How far a service account is trusted. None of them manages anything."""

    STUDENT = "student", "Student"
    INTERN = "intern", "Intern"
    SUPERVISED = "supervised", "Supervised"
    AUTONOMOUS = "autonomous", "Autonomous"


OF_MATURITY: dict[Maturity, frozenset[Permission]] = {
    Maturity.STUDENT: frozenset(),
    Maturity.INTERN: frozenset({Permission.READ}),
    Maturity.SUPERVISED: frozenset({Permission.READ, Permission.WRITE}),
    Maturity.AUTONOMOUS: frozenset({Permission.READ, Permission.WRITE, Permission.DELETE}),
}
