"""Only the owner role makes tables."""

from __future__ import annotations

from typing import Any


class OwnerMigrates:
    """Let migrations run on the ``owner`` alias alone; the app's role could not run them anyway."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "owner"
