"""The kinds of database a company keeps: their names, columns and icons.

Columns are given as (name, type); the first is always the title. One schema list serves every workspace, so a
data source only stores which entry it follows.
"""

from functools import cache
from typing import NamedTuple


class Schema(NamedTuple):
    """One kind of database."""

    title: str
    icon: str
    row_pattern: str
    columns: tuple[tuple[str, str], ...]


SCHEMAS = (
    Schema("Tasks", "✅", "task", (
        ("Task", "title"), ("Status", "status"), ("Assignee", "people"), ("Due", "date"),
        ("Notes", "rich_text"), ("Project", "relation"), ("Done", "checkbox"),
    )),
    Schema("Projects", "🗂️", "project", (
        ("Name", "title"), ("Owner", "people"), ("Stage", "select"), ("Budget", "number"),
        ("Timeline", "date"), ("Health", "formula"),
    )),
    Schema("Accounts", "🏢", "account", (
        ("Company", "title"), ("Tier", "select"), ("Website", "url"), ("Contact", "email"),
        ("Phone", "phone_number"), ("ARR", "number"), ("Deals", "relation"),
    )),
    Schema("Bugs", "🐞", "bug", (
        ("Summary", "title"), ("Severity", "select"), ("Tags", "multi_select"), ("Reporter", "created_by"),
        ("Reported", "created_time"), ("Duplicate of", "relation"), ("ID", "unique_id"),
    )),
    Schema("Meetings", "🗓️", "meeting", (
        ("Topic", "title"), ("Date", "date"), ("Attendees", "people"), ("Decisions", "rich_text"),
    )),
    Schema("Candidates", "🧑‍💼", "candidate", (
        ("Candidate", "title"), ("Stage", "status"), ("Email", "email"), ("Résumé", "files"),
        ("Feedback", "rich_text"), ("Salary expectation", "number"),
    )),
    Schema("Vendors", "📑", "vendor", (
        ("Vendor", "title"), ("Contract until", "date"), ("Cost per year", "number"), ("Owner", "people"),
        ("Website", "url"),
    )),
    Schema("Goals", "🎯", "goal", (
        ("Goal", "title"), ("Quarter", "select"), ("Progress", "number"), ("Parent goal", "relation"),
        ("Last update", "last_edited_time"), ("By", "last_edited_by"),
    )),
    Schema("Content calendar", "🖋️", "content", (
        ("Title", "title"), ("Channel", "multi_select"), ("Publish on", "date"), ("Draft", "rich_text"),
    )),
    Schema("Assets", "💻", "asset", (
        ("Asset", "title"), ("Assigned to", "people"), ("Serial", "rich_text"), ("Returned", "checkbox"),
    )),
)  # fmt: skip

# Real property ids are four arbitrary characters, percent-encoded; one that already holds a "%" in its plain
# form catches clients that encode twice or not at all.
_ALPHABET = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ:@;<>^_%"


@cache
def property_id(schema: int, column: int) -> str:
    """Return the plain (not percent-encoded) id of a column; the title column's is always "title"."""
    if SCHEMAS[schema].columns[column][1] == "title":
        return "title"
    size = len(_ALPHABET)
    number = (schema * 31 + column * 977 + 53) * 7919
    return "".join(_ALPHABET[number // size**place % size] for place in range(3)) + _ALPHABET[column]
