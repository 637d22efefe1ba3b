"""The tests' settings for the processes of the browser tests, which have an address of their own."""

import os

_KEPT = {name: os.environ[name] for name in ("SITE_URL", "SITE_NOTION_URL", "SITE_CLIENT_SECRET")}

from notionscan.secret import Secret  # noqa: E402
from tests.settings import *  # noqa: E402, F403

BASE_URL = _KEPT["SITE_URL"]
ALLOWED_HOSTS = ["localhost"]
CSRF_TRUSTED_ORIGINS = [BASE_URL]
NOTION_API_BASE_URL = _KEPT["SITE_NOTION_URL"]
NOTION_CLIENT_SECRET = Secret(_KEPT["SITE_CLIENT_SECRET"])
NOTION_REDIRECT_URI = f"{BASE_URL}/api/integrations/notion/callback"
INTEGRATIONS_ALLOWED |= {"reddit"}  # noqa: F405
REDDIT_CLIENT_ID = "reddit-of-the-tests"
REDDIT_CLIENT_SECRET = NOTION_CLIENT_SECRET
REDDIT_WWW_BASE_URL = REDDIT_OAUTH_BASE_URL = NOTION_API_BASE_URL
SCAN_LEASE_SECONDS = float(os.environ.get("SITE_LEASE_SECONDS", "30"))
