"""A figure: what was measured, against which target, and how."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    name: str
    values: dict[str, Any]
    target: str
    met: bool
    how: str

    def show(self) -> None:
        """Write the figure as one line of JSON, at once."""
        sys.stdout.write(json.dumps(asdict(self), ensure_ascii=False) + "\n")
        sys.stdout.flush()
