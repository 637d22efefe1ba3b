"""Every guard of the product, with the text that takes it away. A new guard is a new entry."""

from __future__ import annotations

from tests.sabotage.agents import AGENTS
from tests.sabotage.forms import FORMS
from tests.sabotage.gateway import GOVERNED
from tests.sabotage.guard import Guard

_RLS = ("tests/notionscan/test_rls.py", "tests/notionscan/test_raw_sql.py")
_RAW = ("tests/notionscan/test_raw_sql.py",)
_ACCOUNT = ("tests/tenants/test_own_account.py",)
_ACCOUNTS = ("tests/tenants/test_service_accounts.py",)
_ACCOUNT_PAGE = ("tests/tenants/test_service_account_page.py",)
_BROWSE = ("tests/integrations/test_browse.py",)
_ACCESS = ("tests/tenants/test_access.py",)
_MEMBERS = ("tests/tenants/test_members.py",)
_HTTP = ("tests/notionscan/test_http.py",)
_FIELDS = ("tests/notionscan/test_fields.py",)
_JOBS = ("tests/notionscan/test_jobs.py", "tests/notionscan/test_job_form.py")
_OAUTH = ("tests/integrations/test_oauth.py",)
_CONNECT = ("tests/integrations/test_connect.py",)
_RACES = ("tests/integrations/test_races.py",)
_CARD = ("tests/integrations/test_card_page.py",)

_AUDIT = ("tests/audit/test_chain.py", "tests/audit/test_event_form.py")
_CATALOGUE = ("tests/notionscan/test_catalogue.py",)
_SCAN = ("tests/scans/test_scan.py",)
_CHAIN_SQL = "audit/migrations/0004_event_form.py"
_JOB_SQL = "notionscan/migrations/0006_job_form.py"
_SCOPE_SQL = "notionscan/migrations/0003_signed_scope.py"
_PEOPLE_SQL = "tenants/migrations/0002_fence_people.py"

# Row security and the scope ---------------------------------------------------------------------------

_ISOLATION = [
    Guard(
        "row security is enabled",
        "notionscan/rls.py",
        "ENABLE ROW LEVEL SECURITY",
        "DISABLE ROW LEVEL SECURITY",
        _RLS,
    ),
    Guard(
        "row security is forced",
        "notionscan/rls.py",
        "'ALTER TABLE \"{table}\" FORCE ROW LEVEL SECURITY'",
        "'ALTER TABLE \"{table}\" NO FORCE ROW LEVEL SECURITY'",
        _RLS,
    ),
    Guard(
        "the policy names the organization",
        "notionscan/rls.py",
        "own = f'\"{scope_column}\" = (SELECT scope_organization())'",
        "own = 'true'",
        _RLS,
    ),
    Guard(
        "the policy also checks what is written",
        "notionscan/rls.py",
        "USING ({own}) WITH CHECK ({own})",
        "USING ({own}) WITH CHECK (true)",
        _RLS,
    ),
    Guard(
        "the definer policy is for definer functions alone",
        "notionscan/rls.py",
        'USING ((SELECT current_user <> session_user))"',
        'USING (true)"',
        _RLS,
    ),
    Guard(
        "a row cannot point into another organization",
        "notionscan/rls.py",
        'ADD FOREIGN KEY ("{scope_column}", "{column}") \'\n'
        "            f'REFERENCES \"{parent}\" (organization_id, id) ON DELETE CASCADE'",
        'ADD FOREIGN KEY ("{column}") \'\n            f\'REFERENCES "{parent}" (id) ON DELETE CASCADE\'',
        _RLS,
    ),
    Guard(
        "a scope is bound in every transaction",
        "notionscan/postgresql/base.py",
        "        if scope == self._bound or not self.in_atomic_block:",
        "        if self._bound is not _UNBOUND or not self.in_atomic_block:",
        _RLS,
    ),
    Guard(
        "a rolled back savepoint takes the scope's binding with it",
        "notionscan/postgresql/base.py",
        "        super()._savepoint_rollback(sid)  # type: ignore[misc]  # not in the stubs\n"
        "        self._bound = _UNBOUND",
        "        super()._savepoint_rollback(sid)  # type: ignore[misc]  # not in the stubs",
        (*_RLS, "tests/audit/test_events.py"),
    ),
    Guard(
        "a scoped table outside a transaction raises",
        "notionscan/postgresql/base.py",
        "elif found := _scoped_tables().search(str(sql)):",
        "elif found := None:",
        _RLS,
    ),
    Guard(
        "temporary tables do not stand before ours",
        "notionscan/postgresql/base.py",
        "'public, pg_temp'",
        "'public'",
        _RLS,
    ),
    Guard(
        "nobody makes temporary tables",
        "notionscan/grants.py",
        "        _close_temporary(cursor)\n",
        "",
        _RLS,
    ),
    Guard(
        "a claim's signature is checked",
        _SCOPE_SQL,
        "IF signature = sha256(keys.claim_outer || sha256(keys.claim_inner || convert_to(claim, 'UTF8'))) THEN",
        "IF claim <> '' THEN",
        _RAW,
    ),
    Guard(
        "a claim expires",
        _SCOPE_SQL,
        "> extract(epoch FROM clock_timestamp())",
        "> 0",
        _RAW,
    ),
    Guard("the seal is checked", _SCOPE_SQL, "IF right(held, 64) = {seal} THEN", "IF true THEN", _RAW),
    Guard("the seal names the backend", _SCOPE_SQL, "|| int4send(pg_backend_pid()) ", "", _RAW),
    Guard("the seal names the transaction", _SCOPE_SQL, "|| timestamptz_send(now()) ", "", _RAW),
    Guard(
        "the scope's keys are the owner's alone",
        _SCOPE_SQL,
        "REVOKE ALL ON notionscan_scopekey FROM PUBLIC",
        "GRANT SELECT ON notionscan_scopekey TO PUBLIC",
        _RAW,
    ),
    Guard(
        "a signature is sent as a parameter, which other sessions do not see",
        "notionscan/postgresql/base.py",
        "with psycopg.Cursor(self.connection) as cursor:",
        "with psycopg.ClientCursor(self.connection) as cursor:",
        _RAW,
    ),
    Guard(
        "one's own scope alone changes one's account",
        _PEOPLE_SQL,
        "FOR UPDATE USING (id = (SELECT scope_user()))",
        "FOR UPDATE USING (true)",
        _ACCOUNT,
    ),
    Guard(
        "one's own scope alone changes one's addresses",
        _PEOPLE_SQL,
        "CREATE POLICY self ON account_emailaddress USING (user_id = (SELECT scope_user()))",
        "CREATE POLICY self ON account_emailaddress USING (true)",
        _ACCOUNT,
    ),
    Guard("nobody is born as staff", _PEOPLE_SQL, " AND NOT is_staff AND NOT is_superuser", "", _ACCOUNT),
    Guard(
        "the app does not make anyone staff",
        "notionscan/grants.py",
        "UPDATE (email, password, last_login, name)",
        "UPDATE",
        _ACCOUNT,
    ),
    Guard(
        "a job is stamped by the scope",
        _JOB_SQL,
        "stamp uuid := public.scope_organization();",
        "stamp uuid := coalesce((ids ->> 'organization_id')::uuid, public.scope_organization());",
        _JOBS,
    ),
    Guard(
        "an unstamped job is refused",
        "notionscan/jobs.py",
        "            if not organization_id:\n                raise UnstampedJob(name)\n            stamp = UUID(organization_id)",
        "            stamp = UUID(organization_id or next(iter(ids.values())))",
        _JOBS,
    ),
    Guard(
        "a request leaves no scope on its thread",
        "notionscan/middleware.py",
        "            with rls.scope(None):\n                response = self.get_response(request)",
        "            response = self.get_response(request)",
        _ACCESS,
    ),
]

# People and what they may ------------------------------------------------------------------------------

_PEOPLE = [
    Guard(
        "a permission is asked for",
        "tenants/policy.py",
        "    if permission not in caller.permissions:",
        "    if False:",
        _ACCESS,
    ),
    Guard(
        "who answers for a service account is a member until it is stored",
        "tenants/services/service_accounts.py",
        "    Organization.objects.select_for_update().get(pk=organization.pk)\n",
        "",
        _ACCOUNTS,
    ),
    Guard(
        "a service account's maturity is asked for where people alone may come in",
        "tenants/access.py",
        "    if isinstance(found, Agent):\n        raise",
        "    if False:\n        raise",
        _ACCOUNTS,
    ),
    Guard(
        "a suspended account is refused",
        "tenants/policy.py",
        "    if isinstance(caller, Agent) and caller.account.suspended_at is not None:",
        "    if False:",
        _ACCOUNTS,
    ),
    Guard(
        "an account with roots gets nothing of the whole workspace",
        "tenants/policy.py",
        "    if everywhere and roots_of(caller):",
        "    if False:",
        _ACCOUNTS,
    ),
    Guard(
        "a key opens its own organization alone",
        "tenants/access.py",
        "    return Agent(agent) if agent.organization.slug == slug else None",
        "    return Agent(agent)",
        _ACCOUNTS,
    ),
    Guard(
        "a revoked or expired key is refused",
        "tenants/keys.py",
        '        is_alive = account is not None and account.state not in ("revoked", "expired")',
        "        is_alive = account is not None",
        _ACCOUNTS,
    ),
    Guard(
        "a key in an address is refused",
        "tenants/keys.py",
        "    if any(PREFIX in value",
        "    if False and any(PREFIX in value",
        _ACCOUNTS,
    ),
    Guard(
        "an account's requests are counted",
        "tenants/keys.py",
        "    OR window_used < requests_per_minute",
        "    OR true",
        _ACCOUNTS,
    ),
    Guard(
        "a new key is kept in no session",
        "tenants/service_account_views.py",
        "    return _page(request, member, made=made)",
        '    request.session["made"] = made.key\n    return _page(request, member, made=made)',
        _ACCOUNT_PAGE,
    ),
    Guard(
        "an admin alone makes a service account",
        "tenants/service_account_views.py",
        "Permission.MANAGE)\n    form = ServiceAccountForm(request.POST)",
        "Permission.WRITE)\n    form = ServiceAccountForm(request.POST)",
        _ACCOUNT_PAGE,
    ),
    Guard(
        "an admin alone trusts a service account more",
        "tenants/service_account_views.py",
        "Permission.MANAGE)\n    form = MaturityForm(request.POST)",
        "Permission.WRITE)\n    form = MaturityForm(request.POST)",
        _ACCOUNT_PAGE,
    ),
    Guard(
        "an admin alone confirms a service account",
        "tenants/service_account_views.py",
        "Permission.MANAGE)\n    try:\n        account = confirm_service_account(",
        "Permission.WRITE)\n    try:\n        account = confirm_service_account(",
        _ACCOUNT_PAGE,
    ),
    Guard(
        "an admin alone revokes a service account",
        "tenants/service_account_views.py",
        "Permission.MANAGE)\n    try:\n        account = revoke_service_account(",
        "Permission.WRITE)\n    try:\n        account = revoke_service_account(",
        _ACCOUNT_PAGE,
    ),
    Guard(
        "a root is a link of Notion's and no other site's",
        "tenants/roots.py",
        'link.scheme == "https" and _HOSTS.fullmatch(link.netloc.lower())',
        'link.scheme == "https"',
        _ACCOUNT_PAGE,
    ),
    Guard(
        "a page's calls end together",
        "integrations/browse/views.py",
        "given=given, until=until)",
        "given=given)",
        _BROWSE,
    ),
    Guard(
        "a title in a list is text",
        "templates/integrations/_browse_title.html",
        '{{ hit.title|default:"Without a title" }}</bdi></a>',
        '{{ hit.title|safe|default:"Without a title" }}</bdi></a>',
        _BROWSE,
    ),
    Guard(
        "only an address of Notion's is a link",
        "integrations/browse/shown.py",
        "    if link is not None:\n        return link.geturl()",
        '    if found.get("url"):\n        return str(found["url"])',
        _BROWSE,
    ),
    Guard(
        "what was read from Notion is text",
        "templates/integrations/browse_page.html",
        '<bdi class="text">{{ text }}</bdi>',
        '<bdi class="text">{{ text|safe }}</bdi>',
        _BROWSE,
    ),
    Guard(
        "values within values end",
        "integrations/browse/values.py",
        "or depth == 0",
        "or False",
        _BROWSE,
    ),
    Guard(
        "the accounts of who leaves are suspended",
        "tenants/services/members.py",
        "    suspend_accounts_of(user, membership.organization_id, actor=actor)\n",
        "",
        _ACCOUNTS,
    ),
    Guard(
        "a membership is asked for",
        "tenants/selectors.py",
        "Membership.objects.filter(user=user, organization__slug=slug)",
        "Membership.objects.filter(organization__slug=slug)",
        _ACCESS,
    ),
    Guard(
        "everybody logs in",
        "notionscan/settings.py",
        '    "notionscan.middleware.LoginRequiredMiddleware",\n',
        "",
        ("tests/notionscan/test_structure.py",),
    ),
    Guard(
        "a page's form carries a CSRF token",
        "notionscan/settings.py",
        '    "django.middleware.csrf.CsrfViewMiddleware",\n',
        "",
        (*_CARD, *_CONNECT),
    ),
    Guard(
        "an API call by a session carries a CSRF token",
        "notionscan/api.py",
        "Session(csrf=True)",
        "Session(csrf=False)",
        _CONNECT,
    ),
    Guard(
        "a denial is audited",
        "tenants/middleware.py",
        '            record_denial(exception, path=request.path, method=request.method or "")',
        "            pass",
        _ACCESS,
    ),
    Guard(
        "a denial of the API is audited",
        "notionscan/api.py",
        '    record_denial(refusal, path=request.path, method=request.method or "")\n',
        "",
        (*_ACCESS, *_CONNECT),
    ),
    Guard(
        "the last admin stays",
        "tenants/services/members.py",
        "    if membership.role == Role.ADMIN and not",
        "    if False and not",
        _MEMBERS,
    ),
    Guard(
        "two admins cannot demote each other at once",
        "tenants/services/members.py",
        "    Organization.objects.select_for_update().get(pk=organization.pk)",
        "    Organization.objects.get(pk=organization.pk)",
        _RACES,
    ),
    Guard(
        "the grants vanish with the membership",
        "tenants/services/members.py",
        "    membership.delete()\n    _grants(membership).delete()",
        "    membership.delete()",
        _MEMBERS,
    ),
    Guard(
        "the staff's site changes nothing",
        "notionscan/admin.py",
        "def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:\n        return False",
        "def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:\n        return True",
        ("tests/notionscan/test_structure.py",),
    ),
    Guard(
        "links in mails name our own address",
        "tenants/adapter.py",
        '    return f"{settings.BASE_URL}{urlsplit(url).path}"',
        "    return url",
        _HTTP,
    ),
]

# Connections and tokens --------------------------------------------------------------------------------

_CONNECTIONS = [
    Guard(
        "a state is bound to the session",
        "integrations/services/oauth.py",
        "not secrets.compare_digest(found.session_hash, _digest(session_key))",
        "False",
        _OAUTH,
    ),
    Guard(
        "a state lives ten minutes",
        "integrations/services/oauth.py",
        "in_time = found.created_at >= timezone.now() - STATE_LIFETIME",
        "in_time = True",
        _OAUTH,
    ),
    Guard(
        "a state is its person's",
        "integrations/services/oauth.py",
        "OAuthState.objects.filter(user=user, provider=provider.slug, state_hash=_digest(state))",
        "OAuthState.objects.filter(provider=provider.slug, state_hash=_digest(state))",
        _OAUTH,
    ),
    Guard(
        "a state serves once",
        "integrations/services/oauth.py",
        "if found is None or OAuthState.objects.filter(pk=found.pk).delete()[0] != 1:",
        "if found is None:",
        (*_OAUTH, *_RACES),
    ),
    Guard(
        "the role is asked again after the consent",
        "integrations/callback.py",
        "member = access.member(request, organization.slug, Permission.MANAGE)",
        "member = access.member(request, organization.slug, Permission.READ)",
        _OAUTH,
    ),
    Guard(
        "another workspace is refused at Reconnect",
        "integrations/services/oauth.py",
        "    if found.workspace_id != account.workspace_id:",
        "    if False:",
        _OAUTH,
    ),
    Guard(
        "a grant that is not kept is given back",
        "integrations/services/oauth.py",
        "        give_back(organization_id=organization.pk, provider=provider.slug, token=token, hint=hint)\n",
        "",
        _OAUTH,
    ),
    Guard(
        "a token that another connection holds is not revoked",
        "integrations/services/revocation.py",
        "        if cursor.fetchone()[0]:\n            return None",
        "        cursor.fetchone()",
        (*_OAUTH, *_CONNECT),
    ),
    Guard(
        "a new token is of the same workspace",
        "integrations/services/connect.py",
        "        if me.workspace_id != integration.workspace_id:",
        "        if False:",
        _CONNECT,
    ),
    Guard(
        "a wanted workspace is the token's",
        "integrations/services/connect.py",
        "    if workspace_id is not None and workspace_id != me.workspace_id:",
        "    if False:",
        _CONNECT,
    ),
    Guard(
        "a connection is audited",
        "integrations/services/connect.py",
        "            record(\n                action=Action.INTEGRATION_CONNECTED,",
        "            (lambda **_: None)(\n                action=Action.INTEGRATION_CONNECTED,",
        _CONNECT,
    ),
    Guard(
        "one process refreshes",
        "integrations/services/tokens.py",
        "    return _found(rows.select_for_update().first())",
        "    return _found(rows.first())",
        (*_RACES, *_OAUTH),
    ),
    Guard(
        "the refresh is leased",
        "integrations/services/tokens.py",
        "        if integration.refresh_token is not None and _may_lease(integration, now):",
        "        if integration.refresh_token is not None:",
        (*_RACES, *_OAUTH),
    ),
    Guard(
        "a dead token is erased",
        "integrations/services/tokens.py",
        "        _give_up(stale, PROVIDERS[stale.provider].dead_code, erase=True)",
        "        _give_up(stale, PROVIDERS[stale.provider].dead_code, erase=False)",
        _OAUTH,
    ),
    Guard(
        "a value is bound to its row",
        "notionscan/fields.py",
        '"place": f"{self.model._meta.db_table}|{self.column}|{instance.pk}"',
        '"place": f"{self.model._meta.db_table}|{self.column}"',
        _FIELDS,
    ),
    Guard(
        "a value is bound to its column",
        "notionscan/fields.py",
        '"place": f"{self.model._meta.db_table}|{self.column}|{instance.pk}"',
        '"place": f"{self.model._meta.db_table}|{instance.pk}"',
        _FIELDS,
    ),
    Guard(
        "a data key is bound to its organization",
        "notionscan/keyring.py",
        '    return f"data-key|{organization_id}".encode()',
        '    return b"data-key"',
        _FIELDS,
    ),
    Guard(
        "an encrypted field takes no plain text",
        "notionscan/fields.py",
        "        if not isinstance(value, Ciphertext):",
        "        if False:",
        _FIELDS,
    ),
    Guard(
        "a nonce is used once",
        "notionscan/keyring.py",
        "nonce = os.urandom(_NONCE_BYTES)",
        'nonce = b"0" * _NONCE_BYTES',
        _FIELDS,
    ),
    Guard(
        "a secret prints as ***",
        "notionscan/secret.py",
        'return "Secret(***)"',
        "return self.expose()",
        ("tests/notionscan/test_fields.py", "tests/integrations/test_canary.py"),
    ),
    Guard(
        "nobody calls Notion before its Retry-After",
        "integrations/budget.py",
        "WHERE (b.blocked_until IS NULL OR b.blocked_until <= clock_timestamp())\n  AND ",
        "WHERE ",
        ("tests/integrations/test_budget.py",),
    ),
    Guard(
        "the budget is counted",
        "integrations/budget.py",
        "THEN 0 ELSE b.used END\n      <= b",
        "THEN 0 ELSE 0 END\n      <= b",
        ("tests/integrations/test_budget.py",),
    ),
]

# The web ----------------------------------------------------------------------------------------------

_WEB = [
    Guard(
        "the content policy is strict",
        "notionscan/middleware.py",
        "\"default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'\"",
        "\"default-src 'self' 'unsafe-inline'\"",
        _HTTP,
    ),
    Guard(
        "a template escapes names",
        "templates/integrations/_notion_card.html",
        '<bdi class="cut" title="{{ name }}">{{ name }}</bdi>',
        '<bdi class="cut">{{ name|safe }}</bdi>',
        _CARD,
    ),
    Guard(
        "only the callback of a session cookie is Lax",
        "notionscan/settings.py",
        'SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"',
        'SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "None"',
        _HTTP,
    ),
    Guard(
        "scripts cannot read the session's cookie",
        "notionscan/settings.py",
        "SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True",
        "SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = False",
        _HTTP,
    ),
]

# The record, the keys and the limits ---------------------------------------------------------------------

_RECORD = [
    Guard(
        "an event is appended to the scope's own chain alone",
        _CHAIN_SQL,
        "IF chain IS DISTINCT FROM public.scope_organization() THEN",
        "IF false THEN",
        _AUDIT,
    ),
    Guard(
        "the hash covers the event before",
        _CHAIN_SQL,
        "head.hash || E'\\n' || (head.sequence + 1)",
        "repeat('0', 64) || E'\\n' || (head.sequence + 1)",
        _AUDIT,
    ),
    Guard(
        "verifying computes every hash",
        "audit/chain.py",
        "    if link_hash(last.hash, sequence, canonical(plain(content))) != link.hash:",
        "    if False:",
        _AUDIT,
    ),
    Guard(
        "a missing event is seen",
        "audit/chain.py",
        "    if sequence > expected:",
        "    if False:",
        _AUDIT,
    ),
    Guard(
        "a tail cut off is seen",
        "audit/chain.py",
        "    if end.sequence > last.sequence or last == START:",
        "    if False:",
        _AUDIT,
    ),
    Guard(
        "a checkpoint is compared",
        "audit/chain.py",
        "                if sequence == self.known.sequence and link != self.known:",
        "                if False:",
        _AUDIT,
    ),
    Guard(
        "a checkpoint is signed by us",
        "audit/checkpoints.py",
        "if not signing.is_signed(",
        "if False and not signing.is_signed(",
        _AUDIT,
    ),
    Guard(
        "a checkpoint is one organization's",
        "audit/checkpoints.py",
        '    if checkpoint["organization"] != str(organization_id):',
        "    if False:",
        _AUDIT,
    ),
    Guard(
        "the app only reads the log",
        "notionscan/grants.py",
        '"audit_event": _READ,',
        '"audit_event": _WRITE,',
        (*_AUDIT, *_CATALOGUE),
    ),
    Guard(
        "a CSV holds no formula",
        "notionscan/spreadsheets.py",
        "cell.startswith(_FORMULA)",
        "False",
        _AUDIT,
    ),
    Guard(
        "an export is recorded",
        "audit/exports.py",
        "        event = record(\n",
        "        event = (lambda **_: Event(sequence=10**9))(\n",
        _AUDIT,
    ),
    Guard(
        "an event needs a transaction",
        "audit/record.py",
        "    if not connection.in_atomic_block:",
        "    if False:",
        _AUDIT,
    ),
    Guard(
        "a session's row is no credential",
        "notionscan/sessions.py",
        "return base64.b85encode(hashlib.sha256(key.encode()).digest()).decode()",
        "return key",
        ("tests/notionscan/test_sessions.py",),
    ),
    Guard(
        "a session's data opens in its own row",
        "notionscan/sessions.py",
        "return f\"notionscan.sessions.{_stored(self.session_key or '')}\"",
        'return "notionscan.sessions"',
        ("tests/notionscan/test_sessions.py",),
    ),
    Guard(
        "attempts are counted under a lock",
        "notionscan/limits.py",
        'cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])',
        "pass",
        ("tests/notionscan/test_limits.py", *_RACES),
    ),
    Guard(
        "a wrong password counts",
        "tenants/adapter.py",
        "                attempt.failed()",
        "                pass",
        ("tests/tenants/test_login.py",),
    ),
    Guard(
        "a refused token counts",
        "integrations/services/verification.py",
        "        attempt.failed()",
        "        pass",
        _CONNECT,
    ),
    Guard(
        "a refused state counts",
        "integrations/callback.py",
        "    except StateRefused as refusal:\n        attempt.failed()",
        "    except StateRefused as refusal:\n        pass",
        (*_OAUTH, "tests/notionscan/test_limits.py"),
    ),
    Guard(
        "migrate refuses a hole in the fences",
        "notionscan/management/commands/migrate.py",
        "            self._refuse_holes()\n",
        "",
        _CATALOGUE,
    ),
    Guard(
        "a damaged data key is not called rotated",
        "tenants/management/commands/rotate_encryption_keys.py",
        "        if unknown:",
        "        if False:",
        ("tests/tenants/test_keys.py",),
    ),
    Guard(
        "a rotation is audited",
        "tenants/services/keys.py",
        "        record(\n",
        "        (lambda **_: None)(\n",
        ("tests/tenants/test_keys.py",),
    ),
    Guard(
        "rotating and reading do not cross",
        "tenants/services/keys.py",
        "raw = ring.unwrap(data_key.wrapped, organization_id=organization_id)",
        "raw = b'0' * 32",
        ("tests/tenants/test_keys.py",),
    ),
    Guard(
        "an error report shows no local variable",
        "notionscan/reports.py",
        '            frame["vars"] = []',
        "            pass",
        ("tests/notionscan/test_reports.py",),
    ),
    Guard(
        "an error report shows no request",
        "notionscan/reports.py",
        "super().__init__(None, exc_type",
        "super().__init__(request, exc_type",
        ("tests/notionscan/test_reports.py",),
    ),
    Guard(
        "an altered token puts the connection into error",
        "integrations/services/tokens.py",
        "    put_into_error(\n        organization_id=organization_id,\n        integration_id=integration_id,\n"
        "        seen_version=version,\n        code=DECRYPT_FAILED,",
        "    (lambda **_: None)(\n        organization_id=organization_id,\n        integration_id=integration_id,\n"
        "        seen_version=version,\n        code=DECRYPT_FAILED,",
        ("tests/integrations/test_tampering.py",),
    ),
    Guard(
        "the kill switch ends connections",
        "integrations/services/disconnect.py",
        "    integration.delete()\n",
        "",
        ("tests/integrations/test_shutdown.py",),
    ),
    Guard(
        "a deletion takes a yes",
        "integrations/management/commands/delete_organization.py",
        "            if not yes:",
        "            if False:",
        ("tests/integrations/test_shutdown.py",),
    ),
]

# What a review found ------------------------------------------------------------------------------------

_SHUTDOWN = ("tests/integrations/test_shutdown.py",)
_MORE = [
    Guard(
        "the cache runs nothing",
        "notionscan/cache.py",
        "json.loads(found[0])",
        '__import__("pickle").loads(__import__("base64").b64decode(found[0]))',
        ("tests/notionscan/test_cache.py",),
    ),
    Guard(
        "values are parameters of the server",
        "notionscan/databases.py",
        '"server_side_binding": True',
        '"server_side_binding": False',
        _RAW,
    ),
    Guard(
        "functions are the reviewed ones",
        "notionscan/catalogue.py",
        "if name in found and found[name] != fingerprint:",
        "if False:",
        _CATALOGUE,
    ),
    Guard(
        "rights on columns are looked at", "notionscan/catalogue.py", "    _column_rights,\n", "", _CATALOGUE
    ),
    Guard("triggers are looked at", "notionscan/catalogue.py", "    _triggers,\n", "", _CATALOGUE),
    Guard("other schemas are looked at", "notionscan/catalogue.py", "    _schemas,\n", "", _CATALOGUE),
    Guard(
        "a chain without its head is broken",
        "audit/chain.py",
        "    if end is None:",
        "    if False:",
        _AUDIT,
    ),
    Guard(
        "what is appended while a log is verified is read too",
        "audit/chain.py",
        "        if newest is None or newest <= walk.last.sequence:",
        "        if True:",
        _AUDIT,
    ),
    Guard(
        "the kill switch goes on past a locked row",
        "integrations/services/shutdown.py",
        "        except DatabaseError:",
        "        except ZeroDivisionError:",
        _SHUTDOWN,
    ),
    Guard(
        "a consent that ends during a deletion is given back",
        "integrations/services/deletion.py",
        "        if Integration.objects.exists() or untold.exists():",
        "        if False:",
        _SHUTDOWN,
    ),
    Guard(
        "a data key is opened even if it stays",
        "tenants/services/keys.py",
        "        raw = ring.unwrap(data_key.wrapped, organization_id=organization_id)\n",
        "        raw = ring.unwrap(data_key.wrapped, organization_id=organization_id) "
        "if before != ring.current.id else None\n",
        ("tests/tenants/test_keys.py",),
    ),
    Guard(
        "another person's address is not confirmed",
        "tenants/adapter.py",
        "        if others.filter(email__iexact=email_address.email).exists():",
        "        if False:",
        ("tests/tenants/test_own_account.py",),
    ),
]

# Scans ------------------------------------------------------------------------------------------------

_SCANS = [
    Guard(
        "a scan that ended is not written to",
        "scans/batch.py",
        "        if not live:",
        "        if False:",
        _SCAN,
    ),
    Guard(
        "a worker that lost the scan is not let on",
        "scans/batch.py",
        "            lease=self._scan.lease,\n",
        "",
        _SCAN,
    ),
    Guard(
        "places that are taken together fit into the window",
        "integrations/budget.py",
        '      <= b."limit" - %(reserved)s',
        '      <= b."limit" - %(reserved)s + %(count)s - 1',
        ("tests/integrations/test_budget.py",),
    ),
    Guard(
        "a cursor is kept with its page",
        "scans/listings.py",
        '            stream.cursor = self._cursors.follow(page) or ""',
        '            stream.cursor = ""',
        _SCAN,
    ),
    Guard(
        "what a list named and did not tell outlives the worker that was to ask for it",
        "scans/asking.py",
        "        yield from self._parts_left()\n",
        "",
        ("tests/scans/test_faults.py",),
    ),
    Guard(
        "a time that PostgreSQL would refuse ends no batch",
        "scans/metadata.py",
        ' and value[4:20:3] + value[23] == "--T::.Z"',
        "",
        ("tests/scans/test_storage.py",),
    ),
    Guard(
        "of what is missed and met in one batch, the later word is stored",
        "scans/batch.py",
        "                self._missing.pop(UUID(each.object_id), None)",
        "                pass",
        ("tests/scans/test_batch.py",),
    ),
    Guard(
        "an error of one deadline leaves the others theirs",
        "integrations/http/watchdog.py",
        " or not self._thread.is_alive()",
        "",
        ("tests/integrations/notion/test_watchdog.py",),
    ),
    Guard(
        "no call leaves after a refused token",
        "scans/fetching.py",
        "        if self._is_refused:",
        "        if False:",
        ("tests/scans/test_fetching.py",),
    ),
    Guard(
        "no call leaves before Notion's wait is over",
        "scans/fetching.py",
        "        self._fetchers.hold(retry_after_seconds)\n",
        "",
        ("tests/scans/test_fetching.py",),
    ),
    Guard(
        "a lease is looked after, also while the scan is locked",
        "scans/services/run.py",
        "    if scan is None and live.exists():",
        "    if False:",
        ("tests/scans/test_pages.py",),
    ),
    Guard(
        "a scan that ends every worker is given up",
        "scans/services/run.py",
        "    if scan.failures > TAKEN_OVER_AT_MOST:",
        "    if False:",
        ("tests/scans/test_faults.py",),
    ),
    Guard(
        "a document that was never seen makes a scan incomplete",
        "scans/coverage.py",
        "    if unseen > unasked:",
        "    if False:",
        _SCAN,
    ),
    Guard(
        "what was too much to look up makes a scan incomplete",
        "scans/coverage.py",
        "    if unasked:",
        "    if False:",
        ("tests/scans/test_faults.py",),
    ),
    Guard(
        "a list that could not be read makes a scan incomplete",
        "scans/coverage.py",
        "    reasons = [_SENTENCES[problem] for problem in sorted(problems)]",
        "    reasons = []",
        _SCAN,
    ),
    Guard(
        "an unchanged object is not written",
        "scans/storage.py",
        "if not known.get(object_id)",
        "if True",
        ("tests/scans/test_storage.py",),
    ),
]

_SHARE = ("tests/scans/test_shares.py",)
_REPORTS = [
    Guard(
        "a revoked or expired link is dead",
        "scans/share_views.py",
        "    if share is None or not share.is_alive:",
        "    if share is None:",
        _SHARE,
    ),
    Guard(
        "a ticket is one link's",
        "scans/share_views.py",
        '    if ticket["share"] != str(share_id):',
        "    if False:",
        _SHARE,
    ),
    Guard(
        "a passcode is asked for",
        "scans/share_views.py",
        '    return _let_in(redirect("shared", share_id), share_id, passed=not share.passcode)',
        '    return _let_in(redirect("shared", share_id), share_id, passed=True)',
        _SHARE,
    ),
    Guard(
        "guesses at a passcode are counted",
        "scans/services/share.py",
        "            attempt.failed()",
        "            pass",
        _SHARE,
    ),
    Guard(
        "a shared report is redacted",
        "scans/share_views.py",
        "        content = redacted(content)",
        "        pass",
        _SHARE,
    ),
    Guard(
        "a shared page is kept nowhere",
        "scans/share_views.py",
        '    response.headers["X-Robots-Tag"] = "noindex, nofollow"',
        "    pass",
        _SHARE,
    ),
    Guard(
        "a seal is checked",
        "scans/seal.py",
        "    if not signing.is_signed(",
        "    if False and not signing.is_signed(",
        ("tests/scans/test_report.py",),
    ),
    Guard(
        "an incomplete scan earns no top grade",
        "scans/analysis/scoring.py",
        "    elif snapshot.reasons:",
        "    elif False:",
        ("tests/scans/analysis/test_rules.py",),
    ),
    Guard(
        "a relation to where nobody sees is not called broken",
        "scans/analysis/relations.py",
        '.otherwise(pl.lit("unreachable"))',
        '.otherwise(pl.lit("broken"))',
        ("tests/scans/analysis/test_golden.py",),
    ),
    Guard(
        "without a list of people nobody is called unknown",
        "scans/analysis/frames.py",
        'return self.people.filter(standing="member").height > 0',
        "return True",
        ("tests/scans/analysis/test_golden.py",),
    ),
    Guard(
        "a change of the calibration is looked at before it is saved",
        "scans/calibration_views.py",
        'if "confirm" not in request.POST:',
        "if False:",
        ("tests/scans/test_calibration_pages.py",),
    ),
    Guard(
        "a mute that has ended hides nothing",
        "scans/selectors.py",
        "When(is_lapsed, then=",
        "When(Q(pk=None), then=",
        ("tests/scans/test_calibration_pages.py",),
    ),
]

_MIRROR = ("tests/integrations/test_mirror.py",)
_CHECKS = ("tests/integrations/test_checks.py",)
_REDDIT = ("tests/integrations/reddit/test_connection.py",)
_PROVIDERS = [
    Guard(
        "a state is its provider's",
        "integrations/services/oauth.py",
        "OAuthState.objects.filter(user=user, provider=provider.slug, state_hash=_digest(state))",
        "OAuthState.objects.filter(user=user, state_hash=_digest(state))",
        _REDDIT,
    ),
    Guard(
        "another account is refused at Reconnect",
        "integrations/services/oauth.py",
        "    if found.workspace_id is None and found.account_id != account.id:",
        "    if False:",
        _REDDIT,
    ),
    Guard(
        "what ends a whole authorization is revoked",
        "integrations/providers.py",
        "        ends_with=TokenHint.REFRESH,",
        "        ends_with=TokenHint.ACCESS,",
        _REDDIT,
    ),
    Guard(
        "a refresh that comes too late revokes what it made alone",
        "integrations/services/tokens.py",
        "grant.access_token, grant.refresh_token if is_new else None",
        "grant.access_token, grant.refresh_token",
        _REDDIT,
    ),
    Guard(
        "a token that has run out is refreshed before anyone is asked",
        "integrations/services/calls.py",
        "    if held.has_expired:\n",
        "    if False:\n",
        _REDDIT,
    ),
    Guard(
        "a token is dead in Reddit's own words alone",
        "integrations/reddit/answers.py",
        '    if answer.status == 401 and _error_of(found) == "401":',
        "    if answer.status == 401:",
        ("tests/integrations/reddit/test_door.py",),
    ),
    Guard(
        "an error of Reddit's leaves its frames behind",
        "integrations/http/errors.py",
        "            raise failure.with_traceback(None)",
        "            raise failure",
        ("tests/integrations/reddit/test_door.py",),
    ),
]

_LOCAL = ("tests/integrations/test_local_only.py",)
_OVER_TIME = [
    Guard(
        "no call of a connection leaves in local-only mode",
        "integrations/notion/transport.py",
        "        local_only.refuse_calls()\n",
        "",
        _LOCAL,
    ),
    Guard(
        "no other call leaves in local-only mode",
        "integrations/http/plain.py",
        "    local_only.refuse_calls()\n",
        "",
        _LOCAL,
    ),
    Guard(
        "no token is opened in local-only mode",
        "integrations/services/calls.py",
        "    local_only.refuse_calls()\n",
        "",
        _LOCAL,
    ),
    Guard(
        "no consent is asked for in local-only mode",
        "integrations/services/oauth.py",
        "    local_only.refuse_calls()\n    if not provider.public_allowed:\n        raise VariantNotAllowed\n    state",
        "    if not provider.public_allowed:\n        raise VariantNotAllowed\n    state",
        _LOCAL,
    ),
    Guard(
        "no scan starts in local-only mode",
        "scans/services/start.py",
        "    local_only.refuse_calls()\n",
        "",
        _LOCAL,
    ),
    Guard(
        "a list across organizations is its person's",
        "integrations/migrations/0004_connections_over_time.py",
        "WHERE m.user_id = public.scope_user()",
        "WHERE true",
        ("tests/integrations/test_workspaces.py",),
    ),
    Guard(
        "which organizations are connected is the worker's to know",
        "notionscan/grants.py",
        '    "audit_append(text)",\n)',
        '    "audit_append(text)",\n    "connected_organizations()",\n)',
        _CHECKS,
    ),
    Guard(
        "a mail about a connection is sent once",
        "integrations/services/notices.py",
        "                error_mailed_at__isnull=True,\n",
        "",
        _CHECKS,
    ),
    Guard(
        "a mail to admins goes to verified addresses",
        "tenants/selectors.py",
        "            verified=True,\n",
        "",
        _CHECKS,
    ),
    Guard(
        "a mail about a scan goes to the same",
        "scans/services/notices.py",
        "addresses = tenants.admin_addresses(organization_id)",
        "addresses = [each.user.email for each in tenants.admins(scan.organization)]",
        ("tests/scans/test_report.py",),
    ),
    Guard(
        "a mirror that failed is tried again soon",
        "integrations/services/mirroring.py",
        "    defer(TASK, delay_seconds=wait_seconds + 1)\n",
        "",
        ("tests/integrations/test_mirror.py",),
    ),
    Guard(
        "a token is asked about once more before it is erased",
        "integrations/services/checks.py",
        "    if not is_alive:\n        raise Unauthorized",
        "    if not is_alive:\n        raise ConnectionInError",
        _CHECKS,
    ),
    Guard(
        "a row that may be there is looked for",
        "integrations/services/mirroring.py",
        "    if mirror.begun_sequence == event.sequence:",
        "    if False:",
        _MIRROR,
    ),
    Guard(
        "a row of another log is not taken for one's own",
        "integrations/services/mirroring.py",
        "if mirror_rows.is_row_of(row, event)]",
        "if row]",
        _MIRROR,
    ),
    Guard(
        "a row that was saved is not made again",
        "integrations/services/mirroring.py",
        "    _keep(mirror, begun_sequence=event.sequence)\n",
        "",
        _MIRROR,
    ),
    Guard(
        "the mirror does not mirror itself",
        "integrations/services/mirroring.py",
        "        if action not in _OWN:\n            return True",
        "        if action:\n            return True",
        _MIRROR,
    ),
    Guard(
        "the mirror does not mirror its failures, each of which would be another one",
        "integrations/services/mirroring.py",
        "_OWN = (Action.MIRROR_WRITTEN, Action.MIRROR_FAILED)",
        "_OWN = (Action.MIRROR_WRITTEN,)",
        _MIRROR,
    ),
    Guard(
        "the mirror is written by one job at a time",
        "integrations/services/mirroring.py",
        "    if mirror.leased_until and mirror.leased_until > now:\n        return None",
        "    if False:\n        return None",
        _MIRROR,
    ),
    Guard(
        "a mirror that was stopped writes no more",
        "integrations/services/mirroring.py",
        "        raise Superseded\n    for",
        "        pass\n    for",
        _MIRROR,
    ),
    Guard(
        "a failing mirror is tried ever more seldom",
        "integrations/services/mirroring.py",
        "    mirror.failures += 1",
        "    mirror.failures += 0",
        _MIRROR,
    ),
    Guard(
        "links are those of Notion's hosts alone",
        "integrations/notion/links.py",
        'if parts.scheme != "https" or not any(',
        "if False and not any(",
        _MIRROR,
    ),
    Guard(
        "whose mirror is behind is the worker's to know",
        "notionscan/grants.py",
        '    "audit_append(text)",\n)\n# Those',
        '    "audit_append(text)",\n    "mirrors_behind(boolean)",\n)\n# Those',
        _MIRROR,
    ),
    Guard(
        "a check opens no token without an event",
        "integrations/services/checks.py",
        "    _record(integration, check)\n",
        "",
        _CHECKS,
    ),
]

GUARDS = [
    *_ISOLATION,
    *_PEOPLE,
    *_CONNECTIONS,
    *_WEB,
    *_RECORD,
    *_MORE,
    *_SCANS,
    *_REPORTS,
    *_PROVIDERS,
    *_OVER_TIME,
    *AGENTS,
    *FORMS,
    *GOVERNED,
]

# Not caught, and why that is right.
EXPLAINED = {
    "a membership is asked for": "row security shows a person no membership but their own",
    "a state is its person's": "row security shows a person no state but their own",
}
