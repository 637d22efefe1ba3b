"""The Django admin for staff: read-only, and in a scope that reaches the directory alone."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn, cast
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest

from notionscan import rls


class StaffAdminSite(admin.AdminSite):
    site_header = site_title = "Notion Scan staff"
    index_title = "Directory"
    enable_nav_sidebar = False

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take read-only pages alone: what the libraries register, a superuser could change."""
        if admin_class is not None and issubclass(admin_class, ReadOnlyAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        inner: Callable[..., Any] = super().admin_view(view, cacheable)

        @functools.wraps(view)
        def in_staff_scope(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            with rls.scope(rls.staff_scope(cast(UUID, request.user.pk))), transaction.atomic():
                response = inner(request, *args, **kwargs)
                # Lists are read while rendering, which must happen inside the transaction.
                return response.render() if hasattr(response, "render") else response

        return in_staff_scope

    def login(self, request: HttpRequest, extra_context: Any = None) -> NoReturn:
        """Refuse: who comes here is logged in (the middleware saw to that) and is not staff."""
        raise PermissionDenied


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Staff look and do not touch; changes are made by commands, which are audited."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    has_module_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
