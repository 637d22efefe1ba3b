"""One call's way to Notion: who calls, what may be touched, and which data source is meant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from integrations.errors import SeveralDataSources, UnknownDataSource
from integrations.gateway.lineage import READERS, Lineages
from integrations.gateway.references import references_of
from integrations.notion.content import NotionContent
from integrations.notion.errors import NotionNotShared
from integrations.notion.replies import title_of
from tenants import policy
from tenants.policy import Caller, Forbidden
from tenants.roles import Permission

Json = dict[str, Any]
# A search by an account with roots looks up so many parents; what it cannot place is left out.
_MOST_LOOKUPS = 50


@dataclass
class Access:
    """One call's way to Notion: its client, who calls, and which objects it is about."""

    client: NotionContent
    caller: Caller
    permission: Permission
    objects: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lineages = Lineages(self.client)

    def allow(self, found: Json) -> Json:
        """Return the object if the caller may use it.

        Raises: Forbidden outside its roots.
        """
        self.objects.append(str(found["id"]))
        if policy.roots_of(self.caller):
            policy.authorize_object(self.caller, self.permission, self._lineages.of(found))
        return found

    def allow_block(self, block_id: str) -> None:
        """Let the caller use a page or a block; a page is a block too.

        Raises: Forbidden outside its roots.
        """
        if policy.roots_of(self.caller):
            self.allow(self.client.block(block_id))
        else:
            self.objects.append(block_id)

    def allow_named(self, *bodies: object) -> None:
        """Let the caller write what names other objects, as a synced block, a mention or a relation does.

        Notion shows their content or titles where they are named, and a relation changes its other side.
        Raises: Forbidden outside its roots; Invalid.
        """
        if policy.roots_of(self.caller):
            for kind, object_id in sorted(references_of(bodies)):
                self.allow(READERS[kind](self.client, object_id))

    def allowed(self, results: list[Json]) -> list[Json]:
        """Return those of a list that the caller may use."""
        if not policy.roots_of(self.caller):
            return results
        return [found for found in results if self._is_allowed(found)]

    def _is_allowed(self, found: Json) -> bool:
        if self._lineages.lookups > _MOST_LOOKUPS:
            return False
        try:
            policy.authorize_object(self.caller, self.permission, self._lineages.of(found))
        except Forbidden:
            return False
        return True


def sources_of(access: Access, object_id: str) -> tuple[Json, list[Json]]:
    """Return a database and its data sources, given the id of either.

    Raises: NotionNotShared; Forbidden.
    """
    try:
        database = access.client.database(object_id)
    except NotionNotShared:
        source = access.allow(access.client.data_source(object_id))
        return source, [source]
    access.allow(database)
    sources = database.get("data_sources")
    return database, [each for each in sources if isinstance(each, dict)] if isinstance(sources, list) else []


def data_source_of(access: Access, object_id: str, wanted: str | None) -> str:
    """Return the one data source that is meant.

    Raises: SeveralDataSources if it must be said which; UnknownDataSource; NotionNotShared.
    """
    _, sources = sources_of(access, object_id)
    ids = [str(source["id"]) for source in sources]
    if wanted is not None and wanted not in ids:
        raise UnknownDataSource
    if wanted is None and len(ids) > 1:
        raise SeveralDataSources([named(source) for source in sources])
    if not ids:
        raise NotionNotShared
    access.objects.append(wanted or ids[0])
    return wanted or ids[0]


def named(source: Json) -> Json:
    """Return what tells a data source from its neighbours."""
    return {"id": source["id"], "name": source.get("name") or title_of(source)}
