"""One authenticated request on its way through a handler, with what handlers need to ask of it."""

from dataclasses import dataclass, field
from typing import Any

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
        uuid = arguments.checked_id(self.params["id"], name)
        store = self.view.store
        for kind in kinds:
            code = store.find(uuid, kind)
            if code is None:
                continue
            owner = bodies.block_owner(code) if kind is Kind.BLOCK else code
            if (kind is not Kind.BLOCK or bodies.block_exists(store, code)) and self.view.sees(owner):
                return code
        raise ApiError(
            "object_not_found",
            f"Could not find {noun} with ID: {dashed(uuid)}. Make sure the relevant pages and databases are "
            f'shared with your integration "{self.token.bot_name}".',
            additional_data={"integration_id": self.token.bot_id},
        )


def dashed(uuid: str) -> str:
    plain = uuid.replace("-", "").lower()
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))
