"""What can be wrong with a request about a connection: a sentence, a code, and the HTTP status."""

from __future__ import annotations

from notionscan.limits import waiting


class IntegrationError(Exception):
    """A refusal that the person can act on."""

    code = "integration_error"
    status = 400
    sentence = ""

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or self.sentence)
        self.sentence = sentence or self.sentence


class AlreadyConnected(IntegrationError):
    code = "integration_exists"
    status = 409
    sentence = (
        "A Notion integration already exists for this organization. "
        "Disconnect it before switching the connection type."
    )


class NotConnected(IntegrationError):
    code = "integration_not_found"
    status = 404
    sentence = "Notion is not connected to this organization."


class VariantNotAllowed(IntegrationError):
    code = "connection_type_not_allowed"
    sentence = "This way of connecting is not allowed here. Ask whoever runs Notion Scan for you."


class TokenRefused(IntegrationError):
    code = "token_refused"
    sentence = (
        "Notion does not accept this token. Copy it again from your integration's page in Notion; "
        "it starts with ntn_ or, for older integrations, secret_."
    )


class WorkspaceMismatch(IntegrationError):
    code = "workspace_mismatch"
    sentence = (
        "This token belongs to another workspace than the ID you entered. "
        "Correct the workspace ID, or leave it empty."
    )


class AnotherWorkspace(IntegrationError):
    code = "another_workspace"
    status = 409
    sentence = (
        "This token belongs to another workspace than the connected one. "
        "Disconnect first, then connect the other workspace."
    )


class ConnectionInError(IntegrationError):
    code = "notion_unauthorized"
    status = 409
    sentence = (
        "Notion no longer accepts this connection's token. Nothing was lost; "
        "an admin reconnects or updates the token on the integrations page."
    )


class NotInternal(IntegrationError):
    code = "not_internal"
    status = 409
    sentence = "This connection has no token to update; it was made through Notion's consent. Use Reconnect."


class TooManyAttempts(IntegrationError):
    code = "rate_limited"
    status = 429

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "Notion refused too many tokens in the last minutes, so this one was not tried. "
            f"Try again {waiting(retry_after_seconds)}."
        )
        self.retry_after_seconds = retry_after_seconds


class StateRefused(IntegrationError):
    code = "state_refused"
    status = 403
    sentence = (
        "This answer from Notion does not belong to a connection that you started here in the last "
        "ten minutes. Nothing was connected; start again from the integrations page."
    )


class ConsentRefused(IntegrationError):
    """Notion's consent page came back with an error instead of a code."""

    code = "consent_refused"

    def __init__(self, error: str) -> None:
        super().__init__(
            "The connection was cancelled in Notion. Nothing was connected."
            if error == "access_denied"
            else "Notion did not complete the connection. Nothing was connected; try again."
        )
