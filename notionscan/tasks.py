"""Housekeeping: what no longer counts is deleted, so that nothing is kept about anybody for longer."""

from __future__ import annotations

from django.core.cache import cache
from procrastinate.contrib.django import app

from notionscan import limits
from notionscan.sessions import SessionStore


@app.periodic(cron="17 * * * *")
@app.task(name="notionscan.forget", queueing_lock="notionscan.forget")
def forget(timestamp: int) -> None:
    """Delete expired sessions, old attempts and what the cache kept, every hour."""
    limits.forget_old()
    cache.forget_expired()  # type: ignore[attr-defined]  # JsonCache
    SessionStore.clear_expired()
