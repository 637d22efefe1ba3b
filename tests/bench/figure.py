"""A figure: what was measured, against which target, and how."""

from __future__ import annotations

import json
import os
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
        """Write the figure as one line of JSON, at once, with how busy the machine was by then."""
        line = asdict(self) | {"load_1m": round(os.getloadavg()[0], 1)}
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()
