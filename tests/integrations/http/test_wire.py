"""A body by itself: bounded in time and size, whoever delivers it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.http.errors import Unavailable
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
