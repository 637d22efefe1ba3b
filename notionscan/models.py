"""The one table of the project itself: attempts that count against a limit."""

from __future__ import annotations

from django.db import models


class Attempt(models.Model):
    """An attempt at something that may be tried so often; kept where it failed, until it stops counting.

    Global, because most limits stand before any scope: a login knows no organization.
    """

    # HMAC of what is counted (an address, an organization): a reader of this table learns no name.
    key = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    counts_until = models.DateTimeField(db_index=True)
    # Not decided yet. It counts meanwhile, and for good if its process dies.
    is_open = models.BooleanField(default=True)

    class Meta:
        indexes = [models.Index(fields=["key", "started_at"], name="attempt_of_key")]

    def __str__(self) -> str:
        return f"{self.key[:8]} at {self.started_at}"
