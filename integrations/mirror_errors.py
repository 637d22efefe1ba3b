"""What can be wrong with the database that events are mirrored to."""

from __future__ import annotations

from uuid import UUID

from integrations.errors import IntegrationError


class MirrorColumns(IntegrationError):
    """Columns are missing, or of another type."""

    code = "mirror_columns"
    status = 409

    def __init__(self, lacking: list[str]) -> None:
        self.detail = ", ".join(lacking)
        super().__init__(columns_sentence(self.detail))


class MirrorInTrash(IntegrationError):
    code = "mirror_in_trash"
    status = 409
    sentence = "The database is in Notion's trash. Restore it there, or choose another one here."


class ChooseDataSource(IntegrationError):
    """The database has several data sources, or none; ``sources`` are those to choose from, by id."""

    code = "several_data_sources"
    status = 409
    sentence = "This database has several data sources. Choose the one that events are written to."

    def __init__(self, sources: dict[UUID, str]) -> None:
        super().__init__("" if sources else "This database has no data source. Choose another one.")
        self.sources = sources


class NotMirrored(IntegrationError):
    code = "mirror_not_found"
    status = 404
    sentence = "Events are not mirrored to Notion. Choose a database first."


def columns_sentence(lacking: str) -> str:
    return (
        f"The database lacks columns that events need: {lacking}. "
        "Add them in Notion, or have a database made."
    )
