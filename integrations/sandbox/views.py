"""What one token can see of its workspace: sharing is inherited by everything below."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable

from integrations.sandbox.columns import GONE, HIDDEN, TRASHED
from integrations.sandbox.generator import WORKSPACE
from integrations.sandbox.ids import KIND_SHIFT, Kind
from integrations.sandbox.tokens import Token


class View:
    """A token's sight of the workspace at one version; made anew after every change."""

    def __init__(self, token: Token) -> None:
        self.token = token
        self.store = token.workspace
        self.stamp = stamp(token)
        self._sees: dict[int, bool] = {WORKSPACE: token.shared is None}
        self._orders: dict[tuple[Kind | None, bool, bool], array[int]] = {}
        self._lock = threading.Lock()

    def sees(self, code: int) -> bool:
        """Tell whether the object is shared with the token, itself or by an ancestor."""
        if self.token.shared is None and not self.token.unshared:
            return True
        climbed = []
        while (known := self._known(code)) is None:
            climbed.append(code)
            code = self.store.parent(code)
        for below in climbed:
            if below >> KIND_SHIFT != Kind.PAGE or len(climbed) > 1:  # a lone leaf is not worth remembering
                self._sees[below] = known
        return known

    def _known(self, code: int) -> bool | None:
        if code in self.token.unshared:
            return False
        if self.token.shared is not None and code in self.token.shared:
            return True
        return self._sees.get(code)

    def searchable(self, kind: Kind | None, *, trashed: bool, newest_first: bool) -> array[int]:
        """Return everything search reports, by last edit."""
        key = (kind, trashed, newest_first)
        with self._lock:
            if key not in self._orders:
                self._orders[key] = array("q", self._pick(kind, trashed=trashed))
                if newest_first:
                    self._orders[key].reverse()
            return self._orders[key]

    def _pick(self, kind: Kind | None, *, trashed: bool) -> Iterable[int]:
        wanted = TRASHED if trashed else 0
        mask = TRASHED | GONE | HIDDEN
        pages, sources = self.store.pages.flags, self.store.data_sources.flags
        first_source = Kind.DATA_SOURCE << KIND_SHIFT
        first_page = Kind.PAGE << KIND_SHIFT
        everything = self.token.shared is None and not self.token.unshared
        for code in self.store.ordered():
            if code >= first_source:
                if kind is Kind.PAGE or sources[code - first_source] & mask != wanted:
                    continue
            elif kind is Kind.DATA_SOURCE or pages[code - first_page] & mask != wanted:
                continue
            if everything or self.sees(code):
                yield code


def stamp(token: Token) -> tuple[int, int]:
    """Return what changes whenever a token's view may have changed."""
    return token.workspace.version, token.shares_version


class Views:
    """The current view of each token."""

    def __init__(self) -> None:
        self._views: dict[str, View] = {}
        self._lock = threading.Lock()

    def of(self, token: Token) -> View:
        """Return the token's view, fresh."""
        with self._lock:
            view = self._views.get(token.secret)
            if view is None or view.stamp != stamp(token):
                view = self._views[token.secret] = View(token)
            return view

    def clear(self) -> None:
        """Forget all views."""
        with self._lock:
            self._views.clear()
