"""A value that must never be shown: it prints as ``***`` wherever it ends up."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """A token or key in memory; only ``expose()`` gives the text.

    Formatting, ``repr`` and logging show ``***``; pickling and JSON refuse, so that a secret cannot
    become a job argument, a cache entry or a session value by accident.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def expose(self) -> str:
        """Return the text itself; call it only where the value leaves for its owner."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, format_spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]  # a hash would let a secret become a dictionary key

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")
