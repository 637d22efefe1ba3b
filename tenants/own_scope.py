"""A person's own scope: the database lets nobody else change their account."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase

from notionscan import rls
from tenants.models import User


@contextlib.contextmanager
def own_scope(user: User) -> Iterator[None]:
    """Run a block that changes the person's own row or addresses, in one transaction."""
    with rls.scope(rls.user_scope(user.pk)), transaction.atomic():
        yield


def in_own_scope(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Run a whole view of the signed-in person so; for views that are not ours."""

    @functools.wraps(view)
    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not isinstance(request.user, User):
            return view(request, *args, **kwargs)
        with own_scope(request.user):
            return view(request, *args, **kwargs)

    return run
