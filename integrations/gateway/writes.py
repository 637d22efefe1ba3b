"""The four calls that write. Each reads and checks first, and returns the one step that writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from integrations.errors import StaleWrite
from integrations.gateway import arguments
from integrations.gateway.access import Access, data_source_of
from integrations.gateway.reads import listed
from tenants import policy

Json = dict[str, Any]
Step = Callable[[], Json]


def create(access: Access, given: arguments.CreatePage) -> Step:
    parent = given.parent
    if parent.page_id:
        access.allow(access.client.page(parent.page_id))
        at: Json = {"type": "page_id", "page_id": parent.page_id}
    else:
        source_id = data_source_of(access, str(parent.database_id or parent.data_source_id), None)
        at = {"type": "data_source_id", "data_source_id": source_id}
    access.allow_named(given.properties, given.children)
    return lambda: access.client.create_page(
        parent=at, properties=given.properties, children=given.children, icon=given.icon
    )


def update(access: Access, given: arguments.UpdatePage) -> Step:
    seen = given.if_last_edited_time
    if seen is not None or policy.roots_of(access.caller):
        page = access.allow(access.client.page(given.id))
        edited = str(page.get("last_edited_time"))
        if seen is not None and _instant(edited) != seen:
            raise StaleWrite(edited)
    else:
        access.objects.append(given.id)
    access.allow_named(given.properties)
    changes = given.model_dump(include=given.model_fields_set & {"properties", "icon", "cover"})
    return lambda: access.client.update_page(given.id, **changes)


def append(access: Access, given: arguments.Append) -> Step:
    access.allow_block(given.id)
    access.allow_named(given.children)
    return lambda: _appended(access.client.append(given.id, given.children))


def trash(access: Access, given: arguments.Trash) -> Step:
    if policy.roots_of(access.caller):
        access.allow(access.client.page(given.id))
    else:
        access.objects.append(given.id)
    return lambda: access.client.update_page(given.id, in_trash=True)


def _appended(reply: Json) -> Json:
    return listed(reply["results"], reply)


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
