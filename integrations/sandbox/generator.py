"""Fills a workspace's columns from its plan.

One pass with one seeded generator: the same plan always gives the same tree, times and trash. Parents come
before children and are older than them.
"""

from random import Random

from integrations.sandbox.columns import IN_BLOCK, INLINE, LOCKED, PUBLIC, TRASHED, Columns
from integrations.sandbox.ids import Kind, code_of
from integrations.sandbox.plan import WorkspacePlan
from integrations.sandbox.schemas import SCHEMAS
from integrations.sandbox.titles import TEAMS

HISTORY_MINUTES = 4 * 365 * 24 * 60
WORKSPACE = code_of(Kind.WORKSPACE, 0)


class Generated:
    """The columns of a whole workspace."""

    def __init__(self) -> None:
        self.pages = Columns()
        self.databases = Columns()
        self.data_sources = Columns()


def generate(plan: WorkspacePlan) -> Generated:
    """Return the workspace that a plan describes."""
    dice = Random(f"{plan.seed}/{plan.name}")  # noqa: S311  (a believable demo, not a secret)
    now = int(plan.as_of.timestamp()) // 60
    made = Generated()
    _documents(plan.pages - plan.row_count, made.pages, dice, now)
    _databases(plan.database_count, made, dice, now)
    if plan.row_count:
        _rows(plan.row_count, made, dice, now)
    return made


def _documents(count: int, pages: Columns, dice: Random, now: int) -> None:
    teams = min(len(TEAMS), max(1, count // 4))
    has_children = bytearray(count)
    start = now - HISTORY_MINUTES
    random = dice.random
    for index in range(count):
        created = start + int(HISTORY_MINUTES * (index + random()) / (count + 1))
        flags = 0
        if index < teams:
            # The last top page is always the restricted one: small workspaces need something unshared too.
            parent, team = WORKSPACE, index if index < teams - 1 or teams < 2 else len(TEAMS) - 1
        else:
            above = int(index * random() ** 1.7)
            has_children[above] = 1
            parent, team = code_of(Kind.PAGE, above), pages.style[above]
            flags = _document_flags(random())
        pages.append(parent, created, _edited(created, now, random(), random()), flags, team)
    for index in range(teams, count):
        if not has_children[index] and random() < 0.05:  # leaves only: what is under trash is trash
            pages.flags[index] |= TRASHED


def _document_flags(roll: float) -> int:
    if roll < 0.015:
        return PUBLIC
    if roll < 0.035:
        return LOCKED
    return IN_BLOCK if roll < 0.085 else 0


def _edited(created: int, now: int, roll: float, recency: float) -> int:
    if roll < 0.25:  # written once, never touched again
        return min(now, created + int(recency * 2880))
    return now - int((now - created) * recency**1.4)


def _databases(count: int, made: Generated, dice: Random, now: int) -> None:
    random = dice.random
    documents = len(made.pages)
    hosts = [i for i in range(min(documents, 400)) if not made.pages.flags[i] & TRASHED]
    for index in range(count):
        host = hosts[int(random() * len(hosts))]
        earliest = made.pages.created[host]
        created = earliest + int((now - earliest) * random() * 0.5)
        flags = (INLINE if index % 4 == 1 else 0) | (TRASHED if index % 13 == 12 else 0)
        team = made.pages.style[host]
        made.databases.append(
            code_of(Kind.PAGE, host), created, _edited(created, now, 1, random()), flags, team
        )
        for part in range(2 if index % 7 == 6 else 1):
            schema = (index + part * 3) % len(SCHEMAS)
            edited = _edited(created, now, 1, random())
            made.data_sources.append(code_of(Kind.DATABASE, index), created, edited, flags & TRASHED, schema)


def _rows(count: int, made: Generated, dice: Random, now: int) -> None:
    sources = made.data_sources
    # A few big tables, many small ones, and an empty one now and then, as in real workspaces.
    weights = [0.0 if i % 9 == 8 else 1.0 / (1 + i % 12) for i in range(len(sources))]
    total = sum(weights)
    left = count
    for index, weight in enumerate(weights):
        share = left if index == len(weights) - 1 else min(left, round(count * weight / total))
        left -= share
        _rows_of(index, share, made, dice, now)


def _rows_of(source: int, count: int, made: Generated, dice: Random, now: int) -> None:
    random = dice.random
    parent = code_of(Kind.DATA_SOURCE, source)
    earliest = made.data_sources.created[source]
    inherited = made.data_sources.flags[source] & TRASHED
    append = made.pages.append
    for created in sorted(earliest + int((now - earliest) * random()) for _ in range(count)):
        roll = random()
        flags = inherited or (TRASHED if roll < 0.02 else LOCKED if roll < 0.025 else 0)
        append(parent, created, _edited(created, now, roll * 2, random()), flags)
