"""What can be wrong with a request about a connection: a sentence, a code, and the HTTP status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from notionscan.limits import waiting

if TYPE_CHECKING:
    from integrations.providers import Provider


class IntegrationError(Exception):
    """A refusal that the person can act on; the sentence of a class may name the ``{provider}``.

    Without one it is Notion: most of what can be refused is refused about Notion.
    """

    code = "integration_error"
    status = 400
    sentence = ""

    @property
    def details(self) -> dict[str, Any]:
        """What a program needs beside the sentence to go on."""
        return {}

    @property
    def own_sentence(self) -> str:
        """The sentence without anything that others wrote."""
        return self.sentence

    @property
    def from_notion(self) -> dict[str, Any]:
        """What of the refusal others wrote: it is for people to read, and no agent takes it for our words."""
        return {}

    def __init__(self, sentence: str = "", *, provider: Provider | None = None) -> None:
        title = provider.title if provider else "Notion"
        self.sentence = sentence or self.sentence.replace("{provider}", title)
        super().__init__(self.sentence)


class AlreadyConnected(IntegrationError):
    code = "integration_exists"
    status = 409
    sentence = (
        "A {provider} integration already exists for this organization. "
        "Disconnect it before switching the connection type."
    )


class AccountConnected(AlreadyConnected):
    """The same at a provider with one way of connecting: there is no type to switch."""

    sentence = (
        "A {provider} account is already connected to this organization. "
        "Disconnect it before connecting another one."
    )


class NotConnected(IntegrationError):
    code = "integration_not_found"
    status = 404
    sentence = "{provider} is not connected to this organization."


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


class AnotherAccount(IntegrationError):
    code = "another_account"
    status = 409
    sentence = (
        "This is another {provider} account than the connected one. "
        "Disconnect first, then connect the other account."
    )


class ConnectionInError(IntegrationError):
    """Its code is that of the door's own error."""

    code = "notion_unauthorized"
    status = 409
    sentence = (
        "{provider} no longer accepts this connection's token. Nothing was lost; "
        "an admin reconnects or updates the token on the integrations page."
    )

    def __init__(self, sentence: str = "", *, provider: Provider | None = None) -> None:
        if provider is not None and provider.internal is None:
            sentence = (
                f"{provider.title} no longer accepts this connection's token. Nothing was lost; "
                "an admin reconnects on the integrations page."
            )
        super().__init__(sentence, provider=provider)
        self.code = provider.dead_code if provider else self.code


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
        "This answer from {provider} does not belong to a connection that you started here in the last "
        "ten minutes. Nothing was connected; start again from the integrations page."
    )


class ConsentRefused(IntegrationError):
    """The provider's consent page came back with an error instead of a code."""

    code = "consent_refused"

    def __init__(self, error: str, *, provider: Provider) -> None:
        super().__init__(
            f"The connection was cancelled in {provider.title}. Nothing was connected."
            if error == "access_denied"
            else f"{provider.title} did not complete the connection. Nothing was connected; try again."
        )


class RefusedByNotion(IntegrationError):
    """Notion calls the request wrong; what it says of it is for whoever asked."""

    code = "notion_refused"

    own = "Notion refused this request, and did nothing."

    def __init__(self, message: str) -> None:
        said = f" It says: {message}" if message else " Check what was asked for."
        super().__init__(f"{self.own}{said}")
        self._message = message

    @property
    def own_sentence(self) -> str:
        return f"{self.own} What it says of it is below dataFromNotion." if self._message else self.sentence

    @property
    def from_notion(self) -> dict[str, Any]:
        return {"message": self._message} if self._message else {}


class SeveralDataSources(IntegrationError):
    """A database was named, and it must be said which of its data sources is meant."""

    code = "several_data_sources"
    status = 409
    sentence = "This database has several data sources. Name one of them as dataSourceId."

    def __init__(self, sources: list[dict[str, Any]]) -> None:
        super().__init__()
        self._sources = sources

    @property
    def details(self) -> dict[str, Any]:
        return self.from_notion

    @property
    def from_notion(self) -> dict[str, Any]:
        return {"dataSources": self._sources}


class UnknownDataSource(IntegrationError):
    code = "unknown_data_source"
    status = 404
    sentence = "This database has no such data source. Read its description for those it has."


class TookTooLong(IntegrationError):
    """One thing that was asked for took too many requests to Notion, or too slow ones."""

    code = "took_too_long"
    status = 503
    sentence = (
        "Notion took too long over all that this needs, so it was ended. Nothing was changed. Try again, or "
        "ask for less at once."
    )


class StaleWrite(IntegrationError):
    """The page was edited since the caller read it."""

    code = "stale_write"
    status = 409
    sentence = "This page was edited after you read it, so nothing was changed. Read it again, then repeat."

    def __init__(self, last_edited_time: str) -> None:
        super().__init__()
        self._last_edited_time = last_edited_time

    @property
    def details(self) -> dict[str, Any]:
        return {"lastEditedTime": self._last_edited_time}
