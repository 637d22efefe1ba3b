"""Who uses the server: locks that the kernel takes back when a process dies, however it dies.

Every user holds a shared flock on `<data dir>/postgres.users`; who can turn it exclusive at exit was the
last. A flock belongs to the open file, which fork shares: a forked child opens and locks it anew. exec
closes it.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_held: dict[Path, int] = {}
_for_child = threading.local()  # two threads may fork at once


def hold(data_dir: Path) -> None:
    """Count this process as a user until it ends. Waits while the last user before is stopping the server."""
    path = data_dir / "postgres.users"
    descriptor = _held.get(data_dir)
    if descriptor is not None:
        with suppress(FileNotFoundError):  # the data directory was deleted and made again under us
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return
        os.close(_held.pop(data_dir))
    _held[data_dir] = _locked(path, fcntl.LOCK_SH)


def leave(data_dir: Path) -> bool:
    """Give up this process's lock; return True, and keep all others out until it ends, if it was the last."""
    descriptor = _held.get(data_dir)
    if descriptor is None:
        return False
    try:
        # Not atomic: the shared lock is lost first. Of two that leave together one still succeeds.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(_held.pop(data_dir))
        return False
    return True


def held_directories() -> list[Path]:
    return list(_held)


def before_fork() -> None:
    """Take the child's locks for it: between fork and a lock of its own the parent could count it out."""
    _for_child.descriptors = {}
    for data_dir in _held:
        with suppress(OSError):  # an unusable data directory is for the next ensure_running to report
            _for_child.descriptors[data_dir] = _locked(
                data_dir / "postgres.users", fcntl.LOCK_SH | fcntl.LOCK_NB
            )


def after_fork_in_parent() -> None:
    for descriptor in _for_child.descriptors.values():
        os.close(descriptor)  # the child's copy keeps it locked


def after_fork_in_child() -> None:
    for inherited in _held.values():
        os.close(inherited)
    _held.clear()
    _held.update(_for_child.descriptors)


@contextmanager
def starting(data_dir: Path) -> Iterator[None]:
    """Let one process at a time start or stop the server of this data directory."""
    descriptor = _locked(data_dir / "postgres.lock", fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(
            descriptor, fcntl.LOCK_UN
        )  # close alone would not release it while a forked child has a copy
        os.close(descriptor)


def _locked(path: Path, operation: int) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
