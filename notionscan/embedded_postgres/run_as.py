"""Run a PostgreSQL program as another user, in the foreground or as a server of its own session.

Executed as a script by a fresh interpreter, on the standard library only: in a process with threads, Python
code between fork and exec may deadlock.

    python -I -S run_as.py wait|detach '[uid, gid]'|null '["/path/it/must/reach", …]' program argument…

As root on Linux, when the unprivileged user cannot enter a directory on the way to the programs or the
data (a clone below /root), the program keeps one capability as an *ambient* one: CAP_DAC_READ_SEARCH,
which opens directories and reads but never writes. CAP_DAC_OVERRIDE is the second choice, for containers
without the first (Docker's default set) and for programs installed under umask 077. No permission on disk
is changed.
"""

import ctypes
import json
import os
import signal
import sys
from typing import NoReturn

REFUSED = 70  # exit status: could not even execute the program; the sentence is on standard output
READ_SEARCH, OVERRIDE = 2, 1  # CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE
SETPCAP, NO_SETUID_FIXUP = 8, 1 << 2  # CAP_SETPCAP, SECBIT_NO_SETUID_FIXUP
PR_SET_KEEPCAPS, PR_GET_SECUREBITS, PR_SET_SECUREBITS, PR_CAP_AMBIENT = 8, 27, 28, 47
AMBIENT_RAISE, AMBIENT_CLEAR_ALL = 2, 4
CAPABILITY_VERSION_3 = 0x20080522


class _Refusal(Exception):
    """One sentence for the launcher."""


def main(mode: str, user: str, reach: str, *command: str) -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and exec would hand that down
    os.chdir("/")
    try:
        barred = _become(json.loads(user), json.loads(reach))
        if mode == "wait":
            _execute(command, barred)
        print(_detach(command, barred))  # noqa: T201
    except _Refusal as refusal:
        print(refusal)  # noqa: T201
        sys.exit(REFUSED)


def _become(user: list[int] | None, reach: list[str]) -> str | None:
    """Switch to the user; return the first path that this user cannot enter by itself."""
    if user is None:
        return None
    uid, gid = user
    if sys.platform == "linux":
        _prctl(PR_SET_KEEPCAPS, 1)
    try:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    except OSError as error:
        raise _Refusal(
            f"PostgreSQL refuses to run as root and switching to user id {uid} failed ({error.strerror}); "
            f"run as a normal user or set DATABASE_URL."
        ) from None
    # access(2) answers for the real user without capabilities, which is the question.
    return next((path for path in reach if not os.access(path, os.X_OK)), None)


def _detach(command: tuple[str, ...], barred: str | None) -> int:
    """Start the command as a child of init in its own session; return its process id."""
    read_end, write_end = os.pipe()  # closed by a successful exec, so an empty read means that it runs
    pid = os.fork()
    if pid == 0:
        os.setsid()  # Ctrl-C in the terminal of whoever started it does not reach it
        os.dup2(2, 1)  # standard error is the log; standard output was the launcher's pipe
        try:
            _execute(command, barred)
        except _Refusal as refusal:
            os.write(write_end, str(refusal).encode())
        finally:
            os._exit(REFUSED)
    os.close(write_end)
    with os.fdopen(read_end) as answer:
        sentence = answer.read()
    if sentence:
        raise _Refusal(sentence)
    return pid


def _execute(command: tuple[str, ...], barred: str | None) -> NoReturn:
    if barred is None:
        try:
            os.execv(command[0], command)  # noqa: S606
        except OSError as error:
            raise _Refusal(f"{command[0]} could not be executed ({error.strerror}).") from None
    if sys.platform == "linux":
        for capability in (READ_SEARCH, OVERRIDE):
            if _keep_capability(capability):
                try:
                    os.execv(command[0], command)  # noqa: S606
                except PermissionError:
                    continue
    raise _Refusal(
        f"PostgreSQL refuses to run as root, and the user it would run as cannot enter {barred}; "
        f"move the clone and NOTIONSCAN_DATA_DIR below directories that every user can enter, "
        f"or set DATABASE_URL."
    )


def _keep_capability(capability: int) -> bool:
    """Make exactly this capability survive the next exec; say whether the kernel agreed."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; low words, then high words
    libc = ctypes.CDLL(None)
    if libc.capget(header, sets) != 0 or not sets[1] & 1 << capability:
        return False
    # initdb and postgres look for each other with access(2), which leaves a normal user's capabilities out of
    # account ("program postgres is needed by initdb but was not found") unless this bit is set.
    sets[0] = 1 << SETPCAP
    if libc.capset(header, sets) != 0 or not _prctl(
        PR_SET_SECUREBITS, libc.prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) | NO_SETUID_FIXUP
    ):
        return False
    sets[0] = sets[2] = 1 << capability
    sets[3] = sets[5] = 0
    # The permitted set stays for a second try; exec cuts it down to the ambient one.
    return (
        libc.capset(header, sets) == 0
        and _prctl(PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL)
        and _prctl(PR_CAP_AMBIENT, AMBIENT_RAISE, capability)
    )


def _prctl(option: int, second: int, third: int = 0) -> bool:
    arguments = [ctypes.c_ulong(value) for value in (second, third, 0, 0)]
    return bool(ctypes.CDLL(None).prctl(ctypes.c_int(option), *arguments) == 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
