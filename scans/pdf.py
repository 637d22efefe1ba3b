"""A report as a PDF. Pango, which draws the text, is a package of the system; without it there is no PDF."""

from __future__ import annotations

from typing import Any

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string


class PdfUnavailable(Exception):
    """What the PDF needs is not installed."""

    def __init__(self) -> None:
        super().__init__("This server cannot make PDFs. Install Pango (Debian: libpangoft2-1.0-0).")


def write(context: dict[str, Any]) -> bytes:
    """Return the report as a PDF.

    Raises: PdfUnavailable.
    """
    try:
        import weasyprint
    except OSError:
        raise PdfUnavailable from None
    style = finders.find("css/print.css")
    page = weasyprint.HTML(string=render_to_string("scans/report_pdf.html", context), url_fetcher=_nothing)
    made: bytes = page.write_pdf(stylesheets=[weasyprint.CSS(filename=style)])
    return made


def _nothing(url: str, *args: Any, **kwargs: Any) -> Any:
    """Load nothing: a report holds all that it shows, and a title may look like an address."""
    raise ValueError("a report loads nothing")
