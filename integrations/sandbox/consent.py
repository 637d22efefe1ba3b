"""The consent page: what Notion shows to a person whom a connection asks for access."""

from collections.abc import Mapping
from html import escape

from integrations.sandbox.errors import OAuthError
from integrations.sandbox.messages import HTML_TYPE, Reply, Request
from integrations.sandbox.oauth import Authorizer, OAuthClient, callback
from integrations.sandbox.workspace import Workspace

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} – {stands_in_for} sandbox</title>
<style>
:root {{ color-scheme: light dark; --ink: #1f1e1c; --soft: #5f5d58; --line: #dcdad5; --paper: #fff;
  --ground: #f6f5f2; --accent: #1f5fbf; --on-accent: #fff; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #ecebe8; --soft: #aaa8a2; --line: #44423e;
  --paper: #23221f; --ground: #191817; --accent: #8ab4f8; --on-accent: #10203a; }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }}
main {{ max-width: 30rem; margin: 8vh auto; padding: 2rem; background: var(--paper);
  border: 1px solid var(--line); border-radius: .75rem; }}
@media (max-width: 32rem) {{ main {{ margin: 0; border: 0; border-radius: 0; min-height: 100vh;
  padding: 1.25rem; }} }}
h1 {{ font-size: 1.35rem; line-height: 1.3; margin: .5rem 0 1rem; }}
.note {{ margin: 0; color: var(--soft); font-size: .875rem; }}
fieldset {{ border: 0; margin: 1.25rem 0; padding: 0; }}
legend {{ padding: 0; font-weight: 600; margin-bottom: .25rem; }}
label {{ display: flex; gap: .75rem; align-items: center; min-height: 2.75rem; padding: .25rem .75rem;
  margin-top: .5rem; border: 1px solid var(--line); border-radius: .5rem; cursor: pointer; }}
label:has(:checked) {{ border-color: var(--accent); }}
input {{ accent-color: var(--accent); }}
ul {{ margin: .25rem 0 0; padding-left: 1.25rem; }}
.actions {{ display: flex; gap: .75rem; justify-content: flex-end; margin-top: 1.75rem; }}
button {{ font: inherit; min-height: 2.75rem; padding: 0 1.25rem; border-radius: .5rem; cursor: pointer;
  border: 1px solid var(--line); background: transparent; color: inherit; }}
button.allow {{ background: var(--accent); border-color: var(--accent); color: var(--on-accent);
  font-weight: 600; }}
:focus-visible {{ outline: 3px solid var(--accent); outline-offset: 2px; }}
</style>
</head>
<body>
<main>
<p class="note">Sandbox – stands in for {stands_in_for}. Nothing here leaves this computer.</p>
{content}
</main>
</body>
</html>
"""

_FORM = """<h1>{app} wants to access your Notion workspace</h1>
<form method="post" action="/v1/oauth/authorize">
{hidden}
<fieldset>
<legend>Workspace</legend>
{choices}
</fieldset>
<p>With your permission, {app} will be able to:</p>
<ul>
<li>View the pages and databases of the workspace, except restricted ones</li>
<li>View who its members are</li>
</ul>
<div class="actions">
<button type="submit" name="decision" value="cancel">Cancel</button>
<button type="submit" name="decision" value="allow" class="allow">Allow access</button>
</div>
</form>"""


class ConsentPage:
    """Answers /v1/oauth/authorize in the browser."""

    def __init__(self, authorizer: Authorizer, workspaces: Mapping[str, Workspace]) -> None:
        self._authorizer = authorizer
        self._workspaces = workspaces

    def answer(self, request: Request) -> Reply:
        """Show the form, or act on it. An unknown client or redirect URI is never redirected to."""
        posted = request.method == "POST"
        source = request.form() if posted else request.query()
        fields = {name: values[0] for name, values in source.items()}
        try:
            client = self._authorizer.client_of(fields.get("client_id", ""), fields.get("redirect_uri"))
        except OAuthError as error:
            return page(400, "Cannot continue", f"<h1>Cannot continue</h1><p>{escape(str(error))}</p>")
        target = fields.get("redirect_uri", client.redirect_uris[0])
        state = fields.get("state")
        if fields.get("response_type") != "code":
            return sent_to(callback(target, error="unsupported_response_type", state=state))
        if fields.get("owner") != "user":
            return sent_to(callback(target, error="invalid_request", state=state))
        if not posted:
            return self._form(client, fields)
        workspace = self._workspaces.get(fields.get("workspace", ""))
        if fields.get("decision") != "allow" or workspace is None:
            return sent_to(callback(target, error="access_denied", state=state))
        code = self._authorizer.consent(client, fields.get("redirect_uri"), workspace, workspace.open_roots())
        return sent_to(callback(target, code=code, state=state))

    def _form(self, client: OAuthClient, fields: dict[str, str]) -> Reply:
        kept = ("client_id", "redirect_uri", "response_type", "owner", "state")
        hidden = "\n".join(
            f'<input type="hidden" name="{name}" value="{escape(fields[name])}">'
            for name in kept
            if name in fields
        )
        choices = "\n".join(
            f'<label><input type="radio" name="workspace" value="{escape(slug)}"{"" if i else " checked"}>'
            f"<bdi>{escape(workspace.name)}</bdi></label>"
            for i, (slug, workspace) in enumerate(self._workspaces.items())
        )
        form = _FORM.format(app=escape(client.name), hidden=hidden, choices=choices)
        return page(200, "Allow access", form)


def page(status: int, title: str, content: str, *, stands_in_for: str = "Notion") -> Reply:
    """Return a page in the sandbox's own dress."""
    html = _PAGE.format(title=escape(title), content=content, stands_in_for=stands_in_for)
    return Reply(status, html.encode(), HTML_TYPE, dict(_HEADERS))


def sent_to(location: str) -> Reply:
    """Send the browser on."""
    return Reply(303, b"", HTML_TYPE, {**_HEADERS, "Location": location})
