"""Places above places, for a million objects at once: each pass doubles how far up an object looks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

# Passes; a chain may be 2 to the power of this long. What is no nearer to a root then goes in a circle.
_PASSES = 20
_ROOT, _UNKNOWN = 0, 1
# Blocks and data sources stand between documents, and are no level of their own.
_LEVELS = ("page", "database")

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Tree:
    """The chain of parents of every object, in the order of the frame that it is made of."""

    def __init__(self, objects: pl.DataFrame) -> None:
        self._ids = objects["object_id"]
        self._size = objects.height
        places = pl.DataFrame({"parent_id": self._ids, "place": np.arange(self._size)})
        parents = objects.join(places, on="parent_id", how="left", maintain_order="left")
        at_root = (objects["parent_kind"] == "workspace").fill_null(False).to_numpy()
        unknown = self._size + _UNKNOWN
        self._parent = parents["place"].fill_null(unknown).to_numpy().astype(np.int64)
        self._parent[at_root] = self._size + _ROOT
        self._kinds = objects["kind"]
        # Two more places that lead to themselves: the workspace, and wherever nobody sees.
        self._up = np.concatenate([self._parent, [self._size + _ROOT, unknown]])

    def depths(self) -> Ints:
        """Return how many documents each object stands in; -1 where the chain is broken or a circle."""
        is_level = np.append(self._kinds.is_in(_LEVELS).to_numpy(), [False, False])
        depth = is_level[self._up].astype(np.int64)
        up = self._up.copy()
        for _ in range(_PASSES):
            depth += depth[up]
            up = up[up]
        depth[up != self._size + _ROOT] = -1
        return depth[: self._size]  # type: ignore[no-any-return]

    def any_above(self, flags: Flags) -> Flags:
        """Say of each object whether something that it stands in has the flag."""
        found = np.append(flags, [False, False])[self._up]
        up = self._up.copy()
        for _ in range(_PASSES):
            found = found | found[up]
            up = up[up]
        return found[: self._size]  # type: ignore[no-any-return]

    def weights(self, gravity: Mapping[str, float], base: float) -> NDArray[np.float64]:
        """Return the highest gravity of a data source above each object, or directly within it."""
        own = self._ids.replace_strict(gravity, default=0.0, return_dtype=pl.Float64).to_numpy()
        found = np.append(own, [0.0, 0.0])
        up = self._up.copy()
        for _ in range(_PASSES):
            found = np.maximum(found, found[up])
            up = up[up]
        inside = np.zeros(self._size + 2)
        holders = self._document_above(np.flatnonzero(own))
        np.maximum.at(inside, holders, own[np.flatnonzero(own)])
        return np.maximum(np.maximum(found, inside), base)[: self._size]  # type: ignore[no-any-return]

    def has_children(self) -> Flags:
        found = np.zeros(self._size + 2, dtype=bool)
        found[self._parent] = True
        return found[: self._size]

    def _document_above(self, places: Ints) -> Ints:
        """Return the page that each of these places stands in, past databases and blocks."""
        is_page = np.append((self._kinds == "page").to_numpy(), [True, True])
        above = self._up[places]
        for _ in range(_PASSES):
            above = np.where(is_page[above], above, self._up[above])
        return above
