"""A body by itself: bounded in time and size, whoever delivers it."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.http.errors import Unavailable
from integrations.http.watchdog import Watchdog
from integrations.http.wire import Deadline, parse_object, read_body
from tests.integrations.notion.doors import PATIENT, FakeTime


def chunks(time: FakeTime, *, seconds: float) -> Iterator[bytes]:
    """Deliver a byte each so many seconds, for ever."""
    while True:
        time.now += seconds
        yield b"x"


def test_a_body_ends_at_the_deadline_even_if_nobody_cuts_its_socket(time: FakeTime) -> None:
    deadline = Deadline.after(10, time.clock)
    with pytest.raises(Unavailable) as caught:
        read_body(chunks(time, seconds=1), deadline)
    assert caught.value.detail == "the time is over"
    assert time.now == 1010


def test_a_body_ends_at_the_cap(time: FakeTime) -> None:
    with pytest.raises(Unavailable) as caught:
        read_body(chunks(time, seconds=0), Deadline.after(10, time.clock), max_bytes=99)
    assert caught.value.detail == "the body is too large"


def test_a_body_in_time_and_size_is_whole(time: FakeTime) -> None:
    assert read_body([b"ab", b"", b"c"], Deadline.after(1, time.clock), max_bytes=3) == b"abc"


def test_one_address_gets_a_part_of_the_time_so_that_others_get_theirs(time: FakeTime) -> None:
    deadline = Deadline.after(9, time.clock)
    assert deadline.connect_seconds() == 3
    time.now += 60
    assert deadline.left() == 0
    assert deadline.connect_seconds() > 0


def test_a_timer_that_fires_late_does_not_cut_the_next_call() -> None:
    near, far = socket.socketpair()
    watchdog, call_before = Watchdog(), object()
    with near, far, watchdog.guard(5):
        watchdog.watch(near)
        # What the timer of the call before does when it was too late to cancel it.
        watchdog._cut(call_before)
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
        near, _far = socket.socketpair()
        near.settimeout(20)
        watchdog = Watchdog()
        with contextlib.suppress(OSError), watchdog.guard(0.05):
            watchdog.watch(near)
            os._exit(0 if near.recv(1) == b"" else 1)
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_a_number_that_json_does_not_have_is_not_believed(number: str) -> None:
    assert parse_object(b'{"object": "list", "size": 1.5}')["size"] == 1.5
    with pytest.raises(Unavailable):
        parse_object(f'{{"object": "list", "size": {number}}}'.encode())


@PATIENT
@given(st.binary())
def test_any_body_is_an_object_or_unavailable(body: bytes) -> None:
    try:
        parsed: object = parse_object(body)
    except Unavailable:
        return
    assert isinstance(parsed, dict)
