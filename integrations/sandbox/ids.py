"""Object ids: random-looking UUIDs that the sandbox can turn back into a place in its columns.

A table from id to object would cost hundreds of megabytes in a workspace of a million objects. Instead an
id carries its object's code (kind and index), scrambled, plus a keyed tag that makes guessed ids miss.
"""

import re
from enum import IntEnum
from hashlib import blake2b

KIND_SHIFT = 44
INDEX_MASK = (1 << KIND_SHIFT) - 1
_MASK = (1 << 48) - 1
_ODD_A = 0x9E37_79B9_7F4B
_ODD_B = 0xC2B2_AE3D_27D5
_UNDO_A = pow(_ODD_A, -1, 1 << 48)
_UNDO_B = pow(_ODD_B, -1, 1 << 48)

# Notion refuses ids whose version or variant digit is impossible, so taking them would hide bugs.
_UUID = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[1-8][0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}", re.IGNORECASE | re.ASCII
)


class Kind(IntEnum):
    """What an id stands for."""

    WORKSPACE = 0
    PAGE = 1
    DATABASE = 2
    DATA_SOURCE = 3
    BLOCK = 4
    USER = 5
    BOT = 6
    COMMENT = 7
    DISCUSSION = 8


_KINDS = tuple(Kind)


def code_of(kind: Kind, index: int) -> int:
    """Pack a kind and an index into the one integer used everywhere inside the sandbox."""
    return kind << KIND_SHIFT | index


def kind_of(code: int) -> Kind:
    """Return the kind packed into a code."""
    return _KINDS[code >> KIND_SHIFT]


def is_uuid(text: str) -> bool:
    """Tell whether Notion would take this text as an id, with or without dashes."""
    return _UUID.fullmatch(text) is not None


class IdCodec:
    """Turns codes into UUIDs and back, differently for every workspace."""

    def __init__(self, secret: str) -> None:
        self._key = blake2b(secret.encode(), digest_size=32).digest()
        self._offset = int.from_bytes(self._key[:6], "big")

    def encode(self, code: int) -> str:
        """Return the id of a code."""
        scrambled = (code ^ self._offset) * _ODD_A & _MASK
        scrambled ^= scrambled >> 25
        head = f"{scrambled * _ODD_B & _MASK:012x}"
        tag = blake2b(code.to_bytes(6, "big"), key=self._key, digest_size=10).hexdigest()
        variant = "89ab"[int(tag[3], 16) & 3]
        return f"{head[:8]}-{head[8:]}-4{tag[:3]}-{variant}{tag[4:7]}-{tag[7:19]}"

    def decode(self, uuid: str) -> int | None:
        """Return the code of an id made by this codec, or None for any other."""
        plain = uuid.replace("-", "").lower()
        scrambled = int(plain[:12], 16) * _UNDO_B & _MASK
        scrambled ^= scrambled >> 25
        code = (scrambled * _UNDO_A & _MASK) ^ self._offset
        return code if self.encode(code).replace("-", "") == plain else None

    def digest(self, code: int) -> bytes:
        """Return 32 stable random bytes: the dice for everything generated about an object."""
        return blake2b(code.to_bytes(6, "big"), key=self._key, digest_size=32, person=b"dice").digest()
