"""Settings, all read from the environment (or ``.env``); see ``.env.example`` for every name.

There are no default secrets: a missing one stops the process with its name.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from integrations import allowed
from notionscan import logs
from notionscan.databases import databases
from notionscan.keyring import parse_key, parse_keys
from notionscan.secret import Secret

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")
NOTIONSCAN_DATA_DIR = Path(env.str("NOTIONSCAN_DATA_DIR", "") or BASE_DIR / ".local").resolve()
# Written by `make run` on its first start; the environment and .env win over it.
environ.Env.read_env(NOTIONSCAN_DATA_DIR / "secrets.env")
# A name without a value, as most are in .env.example, counts as unset.
env.ENVIRON = {name: value for name, value in os.environ.items() if value}

SECRET_KEY = env.str("SECRET_KEY")
NOTIONSCAN_LOCAL_ONLY = allowed.parse_local_only(env.str("NOTIONSCAN_LOCAL_ONLY", "false"))
DEBUG = env.bool("DEBUG", False)
FIELD_ENCRYPTION_KEYS = parse_keys(env.str("FIELD_ENCRYPTION_KEYS"))
FIELD_DATA_KEY_MODEL = "tenants.DataKey"
# Signs each transaction's scope; `migrate` puts it where the database's own check alone can read it.
SCOPE_SIGNING_KEY = parse_key("SCOPE_SIGNING_KEY", env.str("SCOPE_SIGNING_KEY"))
# The Ed25519 key (its 32-byte seed) that signs the audit log's checkpoints.
SIGNING_KEY = parse_key("SIGNING_KEY", env.str("SIGNING_KEY"))

BASE_URL = env.str("BASE_URL", "http://localhost:8000").rstrip("/")
_base = urlsplit(BASE_URL)
if _base.scheme not in ("http", "https") or not _base.hostname:
    raise ImproperlyConfigured("BASE_URL must be the site's own address, such as https://scan.example.com.")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[_base.hostname])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[f"{_base.scheme}://{_base.netloc}"])

# Apps -------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "notionscan",
    "audit",
    "tenants",
    "integrations",
    "scans",
    "notionscan.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "auditlog",
    "django_htmx",
    "guardian",
    "ninja",
    "procrastinate.contrib.django",
]

MIDDLEWARE = [
    # Outermost: what any of the others refuses, or fails at, leaves with the headers too.
    "notionscan.middleware.SecurityHeadersMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "notionscan.middleware.ScopeMiddleware",
    "notionscan.middleware.ApiProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "notionscan.middleware.LoginRequiredMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "auditlog.middleware.AuditlogMiddleware",
    "tenants.middleware.DenialMiddleware",
    "notionscan.middleware.LimitMiddleware",
]

ROOT_URLCONF = "notionscan.urls"
WSGI_APPLICATION = "notionscan.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Database ---------------------------------------------------------------------------------------------

DATABASES = databases(env, NOTIONSCAN_DATA_DIR)
DATABASE_ROUTERS = ["notionscan.routers.OwnerMigrates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# allauth's limits must be counted across all web processes.
CACHES = {
    "default": {"BACKEND": "notionscan.cache.JsonCache", "LOCATION": "django_cache"},
}

# Scans: a worker that says nothing for this long is taken for dead, and another goes on.
SCAN_LEASE_SECONDS = 30

# People -----------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = ["tenants.backends.PasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ACCOUNT_ADAPTER = "tenants.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Notion Scan] "
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _base.scheme
# Whoever found an open session cannot move the account to an address of theirs.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# Ours count logins (tenants/adapter.py); allauth's of resets, addresses and passwords stay as they are.
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": None}
# Whoever has the mailbox gets in at once, even while somebody else's guesses close the login.
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
# How many proxies of ours stand before the site: login limits count the address behind them.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"

# Grants stand on Organization alone and are read with get_user_perms, so that a superuser flag is worth
# nothing inside an organization; guardian's own backend would say yes to every superuser.
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]
ANONYMOUS_USER_NAME = None

# Row history of what staff may edit; secrets are excluded, because a mask shows half of them.
AUDITLOG_INCLUDE_TRACKING_MODELS = ({"model": "tenants.User", "exclude_fields": ["password", "last_login"]},)
AUDITLOG_DISABLE_REMOTE_ADDR = True

# Notion -----------------------------------------------------------------------------------------------

INTEGRATIONS_ALLOWED = allowed.parse(env.list("INTEGRATIONS_ALLOWED", default=["notion_internal"]))
NOTION_CLIENT_ID = env.str("NOTION_CLIENT_ID", "")
NOTION_CLIENT_SECRET = Secret(env.str("NOTION_CLIENT_SECRET", ""))
allowed.require_oauth_client(
    INTEGRATIONS_ALLOWED,
    allowed.NOTION_PUBLIC,
    NOTION_CLIENT_ID=NOTION_CLIENT_ID,
    NOTION_CLIENT_SECRET=NOTION_CLIENT_SECRET.expose(),
)
NOTION_REDIRECT_URI = env.str("NOTION_REDIRECT_URI", f"{BASE_URL}/api/integrations/notion/callback")
NOTION_API_BASE_URL = allowed.provider_url(
    "NOTION_API_BASE_URL", env.str("NOTION_API_BASE_URL", "https://api.notion.com")
)
NOTION_AUDIT_DB_ID = allowed.parse_audit_database(env.str("NOTION_AUDIT_DB_ID", ""))
NOTION_VERSION = env.str("NOTION_VERSION", "2026-03-11")

# Reddit -----------------------------------------------------------------------------------------------

REDDIT_CLIENT_ID = env.str("REDDIT_CLIENT_ID", "")
REDDIT_CLIENT_SECRET = Secret(env.str("REDDIT_CLIENT_SECRET", ""))
allowed.require_oauth_client(
    INTEGRATIONS_ALLOWED,
    allowed.REDDIT,
    REDDIT_CLIENT_ID=REDDIT_CLIENT_ID,
    REDDIT_CLIENT_SECRET=REDDIT_CLIENT_SECRET.expose(),
)
REDDIT_WWW_BASE_URL = allowed.provider_url(
    "REDDIT_WWW_BASE_URL", env.str("REDDIT_WWW_BASE_URL", "https://www.reddit.com")
)
REDDIT_OAUTH_BASE_URL = allowed.provider_url(
    "REDDIT_OAUTH_BASE_URL", env.str("REDDIT_OAUTH_BASE_URL", "https://oauth.reddit.com")
)

# The site ---------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Served straight from the tree: no build step, no copy that could be stale.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

_https = _base.scheme == "https"
_cookie_prefix = "__Host-" if _https else ""
SESSION_ENGINE = "notionscan.sessions"
SESSION_COOKIE_NAME = f"{_cookie_prefix}sessionid"
CSRF_COOKIE_NAME = f"{_cookie_prefix}csrftoken"
# Says that this browser has logged in to an account before (tenants/known_browser.py).
KNOWN_BROWSER_COOKIE_NAME = f"{_cookie_prefix}browser"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
# Lax and not Strict: the browser comes back from Notion's consent page by a link.
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_SSL_REDIRECT = _https
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
# Not in a cookie of its own, which would lack what the session's cookie has.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _https
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", f"Notion Scan <no-reply@{_base.hostname}>")

DEFAULT_EXCEPTION_REPORTER = "notionscan.reports.Reporter"
LOGGING = logs.configuration(debug=DEBUG)
