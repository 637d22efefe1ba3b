"""Users as the API shows them: people by standing and capability, bots, and the token's own bot."""

from integrations.sandbox.errors import ApiError
from integrations.sandbox.ids import INDEX_MASK, Kind, code_of, kind_of
from integrations.sandbox.people import BOT_NAMES
from integrations.sandbox.tokens import Capability, Token, TokenKind
from integrations.sandbox.values import Json, user_ref


def require_user_information(token: Token) -> None:
    """Raise the API's 403 unless user information is allowed."""
    if not token.sees_users:
        raise ApiError(
            "restricted_resource",
            "Insufficient permissions for this endpoint.",
            additional_data={"integration_id": token.bot_id},
        )


def listed(token: Token) -> list[int]:
    """Return who the user list shows: members, then bots, the token's own last."""
    bots = [code_of(Kind.BOT, i) for i in (*range(len(BOT_NAMES)), token.bot)]
    return [*token.workspace.listed_people(), *bots]


def user_json(token: Token, code: int) -> Json | None:
    """Return a user as this token may see them, or None when there is nobody to see."""
    if kind_of(code) is Kind.USER:
        return _person_json(token, code)
    number = code & INDEX_MASK
    if number == token.bot:
        return own_bot_json(token)
    if number >= len(BOT_NAMES):
        return None
    return {
        "object": "user",
        "id": token.workspace.uuid(code),
        "name": BOT_NAMES[number],
        "avatar_url": None,
        "type": "bot",
        "bot": {},
    }


def _person_json(token: Token, code: int) -> Json | None:
    person = token.workspace.person(code)
    if person is None:
        return None
    email = {"email": person.email, "email_verified": True}
    return {
        "object": "user",
        "id": token.workspace.uuid(code),
        "name": person.name,
        "avatar_url": person.avatar_url,
        "type": "person",
        "person": email if Capability.READ_EMAILS in token.capabilities else {},
    }


def own_bot_json(token: Token) -> Json:
    """Return the token's own bot; whose it is tells an internal token from a person's."""
    workspace = token.workspace
    is_internal = token.kind is TokenKind.INTERNAL
    return {
        "object": "user",
        "id": token.bot_id,
        "name": token.bot_name,
        "avatar_url": None,
        "type": "bot",
        "bot": {
            "owner": {"type": "workspace", "workspace": True} if is_internal else owner_json(token),
            "workspace_name": workspace.name if is_internal else None,
            "workspace_id": workspace.id,
            "workspace_limits": {"max_file_upload_size_in_bytes": 5_368_709_120},
        },
    }


def owner_json(token: Token) -> Json:
    """Return the person behind an OAuth or personal token, as far as capabilities allow."""
    if token.owner is None:
        return {"type": "workspace", "workspace": True}
    user = user_json(token, token.owner) if token.sees_users else None
    return {"type": "user", "user": user or user_ref(token.workspace.uuid(token.owner))}
