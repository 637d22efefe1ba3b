"""What a sabotage is: one guard of the product, taken away by replacing a text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Guard:
    """``old`` stands once in ``file``; with ``new`` in its place the guard is gone.

    ``tests`` are the files that are expected to notice; only if they do not, the whole suite is asked.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def remove(self, root: Path) -> str:
        """Take the guard out of the tree below ``root``; returns the file's text as it was.

        Raises: LookupError if the text does not stand there exactly once.
        """
        path = root / self.file
        text = path.read_text()
        if text.count(self.old) != 1:
            raise LookupError(f"{self.name}: its text stands {text.count(self.old)} times in {self.file}.")
        path.write_text(text.replace(self.old, self.new))
        return text

    def restore(self, root: Path, text: str) -> None:
        (root / self.file).write_text(text)
