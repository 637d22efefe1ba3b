"""The one error of this package, always a sentence that says what to do."""


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL cannot be used; the message names the remedy."""
