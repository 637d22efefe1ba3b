"""Sessions whose rows are no credentials: the table has each key's SHA-256, and data that only it opens.

The app's role reads and writes every session, so SQL injected there would too. What it finds cannot be put
into a cookie, and a row's data copied under a key of one's own is an empty session: the signature, made with
SECRET_KEY, names the row. Rows of Django's own engine are not found any more; their people log in again.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.utils import timezone


class SessionStore(db.SessionStore):
    @property
    def key_salt(self) -> str:
        return f"notionscan.sessions.{_stored(self.session_key or '')}"

    def load(self) -> dict[str, Any]:
        row = self.model.objects.filter(
            session_key=_stored(self.session_key or ""), expire_date__gt=timezone.now()
        ).first()
        if row is None:
            # As Django does: a key that somebody made up is not kept.
            self._session_key = None
            return {}
        return self.decode(row.session_data)

    def exists(self, session_key: str) -> bool:
        return super().exists(_stored(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        row = super().create_model_instance(data)
        row.session_key = _stored(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            super().delete(_stored(key))

    # Django's asynchronous ones go to the table by themselves; these go through the above.
    aload = SessionBase.aload
    aexists = SessionBase.aexists
    acreate = SessionBase.acreate
    asave = SessionBase.asave
    adelete = SessionBase.adelete


def _stored(key: str) -> str:
    """Return the key's SHA-256 in base 85: exactly the column's 40 characters."""
    return base64.b85encode(hashlib.sha256(key.encode()).digest()).decode()
