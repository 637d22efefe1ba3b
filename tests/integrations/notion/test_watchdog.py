"""The end of a call, when the time is over before there is a socket to cut."""

from __future__ import annotations

import os
import socket
import threading
import time as real_time
from typing import Any

import pytest

from integrations.http import watchdog
from integrations.http.retry import Retry
from integrations.http.watchdog import Watchdog
from integrations.notion.errors import NotionUnavailable
from tests.integrations.notion.doors import BOT_ID, ME, Door, opened
from tests.integrations.notion.rawserver import RawServer, Reply, answer, drip, hang, head

SLOW: dict[str, Reply] = {
    "hang": hang,
    "headers byte by byte": drip(head(content_length="2") + b"{}" * 200),
    "body byte by byte": drip(b" " * 1000, after=head(content_length="1000")),
}


def resolve_slowly(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Look names up late: the one step that no timeout of a socket covers."""
    resolve = socket.getaddrinfo

    def slow(*args: Any, **kwargs: Any) -> Any:
        real_time.sleep(seconds)
        return resolve(*args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", slow)


@pytest.mark.parametrize("fault", list(SLOW))
def test_a_connection_made_after_the_deadline_is_cut_at_once(
    door: Door, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_slowly(monkeypatch, 0.3)
    with RawServer(SLOW[fault]) as server:
        started = real_time.monotonic()
        with pytest.raises(NotionUnavailable):
            door(server.url, retry=Retry(), deadline_seconds=0.2)
        assert real_time.monotonic() - started < 0.45


def test_a_client_goes_on_after_a_name_was_late(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        RawServer(answer(200, ME)) as server,
        opened(server.url, retry=Retry(), deadline_seconds=0.2) as client,
    ):
        with monkeypatch.context() as patch:
            resolve_slowly(patch, 0.3)
            with pytest.raises(NotionUnavailable):
                client.me()
        assert str(client.me().bot_id) == BOT_ID


def test_a_call_in_time_is_not_cut_by_the_one_before() -> None:
    near, far = socket.socketpair()
    dog = Watchdog()
    with near, far:
        with dog.guard(0.01):
            real_time.sleep(0.05)
        with dog.guard(5):
            dog.watch(near)
            far.sendall(b"x")
            assert near.recv(1) == b"x"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_of_one_alarm_leaves_the_next_call_its_end() -> None:
    alarms = watchdog._Alarms()
    alarms.set(0, lambda: [][0])
    thread = alarms._thread
    assert thread is not None
    thread.join(timeout=5)
    rung = threading.Event()
    alarms.set(0, rung.set)
    assert rung.wait(timeout=5)


def test_outside_a_call_nothing_is_cut() -> None:
    near, far = socket.socketpair()
    dog = Watchdog()
    with near, far:
        with dog.guard(0.01):
            dog.watch(near)
        real_time.sleep(0.05)
        far.sendall(b"x")
        assert near.recv(1) == b"x"


def test_a_timer_that_fires_late_does_not_cut_the_next_call() -> None:
    near, far = socket.socketpair()
    dog = Watchdog()
    with near, far, dog.guard(5):
        dog.watch(near)
        dog._cut(object())
        far.sendall(b"x")
        assert near.recv(1) == b"x"


def test_a_shorter_deadline_is_kept_beside_a_longer_one() -> None:
    near, far = socket.socketpair()
    slow, quick = Watchdog(), Watchdog()
    with near, far, slow.guard(30), quick.guard(0.05):
        quick.watch(near)
        near.settimeout(20)
        assert near.recv(1) == b"", "cut, so that nothing comes any more"


def test_a_forked_process_keeps_its_deadlines() -> None:
    with Watchdog().guard(30):
        pass
    child = os.fork()
    if not child:
        try:
            near, _far = socket.socketpair()
            near.settimeout(20)
            dog = Watchdog()
            with dog.guard(0.05):
                dog.watch(near)
                os._exit(0 if near.recv(1) == b"" else 1)
        finally:
            # Not through pytest's own end.
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
