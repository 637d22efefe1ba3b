"""Broken deliveries: ways for a good reply to arrive badly, on the raw socket."""

import socket
import struct

from integrations.sandbox.messages import Delivery, Reply, Wire

_CHUNK = 1 << 16


def cut_short(share: float, *, announce: bool) -> Delivery:
    """Send a share of the body, then close; `announce` tells the full length first."""

    def deliver(wire: Wire, reply: Reply) -> bool:
        length = len(reply.body) if announce else None
        wire.sock.sendall(reply.head(length=length, close=True) + reply.body[: int(len(reply.body) * share)])
        return False

    return deliver


def reset(wire: Wire, reply: Reply) -> bool:
    """Abort the connection: the client sees "connection reset by peer"."""
    wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def close_silently(wire: Wire, reply: Reply) -> bool:
    """Close the connection without a word."""
    return False


def hang(seconds: float) -> Delivery:
    """Say nothing for a while, then answer as if nothing had happened."""

    def deliver(wire: Wire, reply: Reply) -> bool:
        if wire.wait(seconds):
            return False
        wire.sock.sendall(reply.head(length=len(reply.body)) + reply.body)
        return True

    return deliver


def drip(seconds_per_byte: float) -> Delivery:
    """Send the headers at once and the body byte by byte: no read ever times out, the call never ends."""

    def deliver(wire: Wire, reply: Reply) -> bool:
        wire.sock.sendall(reply.head(length=len(reply.body)))
        for offset in range(len(reply.body)):
            if wire.wait(seconds_per_byte):
                return False
            wire.sock.sendall(reply.body[offset : offset + 1])
        return True

    return deliver


def huge(size: int) -> Delivery:
    """Send a JSON body of this many bytes without ever holding it in memory."""

    def deliver(wire: Wire, reply: Reply) -> bool:
        start, end = b'{"object":"list","results":[],"padding":"', b'"}'
        wire.sock.sendall(reply.head(length=size) + start)
        left = size - len(start) - len(end)
        chunk = b"x" * _CHUNK
        while left > 0:
            wire.sock.sendall(chunk[: min(left, _CHUNK)])
            left -= _CHUNK
        wire.sock.sendall(end)
        return True

    return deliver
