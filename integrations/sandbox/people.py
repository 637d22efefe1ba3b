"""The people and bots of a generated workspace: members, guests, and those who have left.

Guests are missing from Notion's user list yet can be looked up one by one; people who left answer 404 but
stay behind as authors. Reports on ownership must tell these apart.
"""

import unicodedata
from enum import StrEnum
from typing import NamedTuple

_FIRST = (
    "Amara", "Bram", "Chiara", "Dmitri", "Elif", "Farid", "Grace", "Hiro", "Ingrid", "João", "Kavya", "Liam",
    "Maya", "Noor", "Olga", "Priya", "Quentin", "Rosa", "Søren", "Tomasz", "Uma", "Víctor", "Wen", "Ximena",
    "Yusuf", "Zoë", "محمد", "雅子",
)  # fmt: skip
_LAST = (
    "Abebe",
    "Bianchi", "Cohen", "Dvořák", "Eriksen", "Fischer", "García", "Hansen", "Ito", "Jansen", "Kowalski",
    "Lindqvist",
    "Mbeki", "Nguyễn", "O'Brien", "Petrov", "Quispe", "Rossi", "Schmidt", "Tanaka", "Ueda", "Varga",
    "Williams", "Xu", "Yılmaz", "Zhang", "Okafor",
)  # fmt: skip
BOT_NAMES = ("Slack", "GitHub sync", "Jira importer", "Calendar bot")


class Standing(StrEnum):
    """How a person stands to the workspace, which decides where the API shows them."""

    MEMBER = "member"
    GUEST = "guest"
    LEFT = "left"


class Person(NamedTuple):
    """One human; `name` is None where the profile has none."""

    name: str | None
    email: str
    standing: Standing
    avatar_url: str | None


def make_people(*, members: int, domain: str) -> list[Person]:
    """Return members, then guests (one per six members), then people who left (one per eight)."""
    guests, left = max(1, members // 6), max(2, members // 8)
    standings = [Standing.MEMBER] * members + [Standing.GUEST] * guests + [Standing.LEFT] * left
    return [_person(number, standing, domain) for number, standing in enumerate(standings)]


def _person(number: int, standing: Standing, domain: str) -> Person:
    first, last = _FIRST[number % len(_FIRST)], _LAST[number % len(_LAST)]
    lap = number // (len(_FIRST) * len(_LAST))  # the list lengths share no factor, so pairs repeat only then
    name = f"{first} {last}" if not lap else f"{first} {chr(64 + lap % 26 + 1)}. {last}"
    host = domain if standing is not Standing.GUEST else "partner.example"
    avatar = f"https://avatars.example/{number}.png" if number % 3 == 0 else None
    return Person(
        name=None if number % 31 == 30 else name,
        email=f"{_mailbox(name) or 'person'}{number}@{host}",
        standing=standing,
        avatar_url=avatar,
    )


def _mailbox(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return ".".join("".join(c for c in word if c.isalnum()).lower() for word in ascii_name.split())
