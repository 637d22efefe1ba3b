"""One authenticated request on its way through a handler, with what handlers need to ask of it."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from integrations.sandbox import arguments, bodies
from integrations.sandbox.errors import ApiError
from integrations.sandbox.ids import Kind
from integrations.sandbox.messages import Request
from integrations.sandbox.paging import Sessions
from integrations.sandbox.tokens import Capability, Token
from integrations.sandbox.views import View


@dataclass(slots=True)
class Depths:
    """How far listings reach: queries end at 10,000 rows; long searches have lost their cursor."""

    query_cap: int | None = 10_000
    search_dies_after: int | None = None


@dataclass(slots=True)
class Call:
    """An authenticated request on its way through a handler."""

    request: Request
    request_id: str
    token: Token
    view: View
    version: str
    sessions: Sessions
    depths: Depths
    params: dict[str, str] = field(default_factory=dict)
    empty_page: bool = False  # a fault wants nothing on this page, and everything on the next

    def one(self, rendered: bytes) -> bytes:
        """Return a single object's reply."""
        return rendered[:-1] + b',"request_id":"' + self.request_id.encode() + b'"}'

    def size(self, given: dict[str, Any], where: str) -> int:
        """Return how many results the listing's page may hold."""
        size = arguments.page_size(given.get("page_size"), where)
        return 0 if self.empty_page else size

    def may_read(self) -> None:
        """Raise the API's 403 unless content may be read."""
        self.token.require(Capability.READ_CONTENT)

    def found(self, name: str, *kinds: Kind, noun: str) -> int:
        """Return the object a path names, or raise 404: absent and not shared look the same."""
        return self.look_up(arguments.checked_id(self.params["id"], name), *kinds, noun=noun)

    def look_up(self, uuid: str, *kinds: Kind, noun: str) -> int:
        """Return the object of this id that the token sees, or raise the API's 404."""
        store = self.view.store
        for kind in kinds:
            code = store.find(uuid, kind)
            if code is None:
                continue
            if kind is Kind.BLOCK and not bodies.block_exists(store, code):
                continue
            if self.view.sees(bodies.block_owner(store, code) if kind is Kind.BLOCK else code):
                return code
        raise ApiError(
            "object_not_found",
            f"Could not find {noun} with ID: {dashed(uuid)}. Make sure the relevant pages and databases are "
            f'shared with your integration "{self.token.bot_name}".',
            additional_data={"integration_id": self.token.bot_id},
        )

    def only(self) -> tuple[str, ...] | None:
        """Return the properties a reply is limited to, by id or name, or None for all."""
        query = self.request.query()
        names = [*query.get("filter_properties", []), *query.get("filter_properties[]", [])]
        # Ids may come as shown (percent-encoded) or plain; names come plain.
        return tuple(sorted({*names, *(unquote(name) for name in names)})) or None


def dashed(uuid: str) -> str:
    plain = uuid.replace("-", "").lower()
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))
