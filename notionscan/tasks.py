"""Housekeeping: what no longer counts is deleted, so that nothing is kept about anybody for longer."""

from __future__ import annotations

from procrastinate.contrib.django import app

from notionscan import limits
from notionscan.sessions import SessionStore


@app.periodic(cron="17 * * * *")
@app.task(name="notionscan.forget", queueing_lock="notionscan.forget")
def forget(timestamp: int) -> None:
    """Delete expired sessions and old attempts, every hour."""
    limits.forget_old()
    SessionStore.clear_expired()
