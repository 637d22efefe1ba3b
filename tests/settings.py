"""The product's own settings, with keys for tests."""

import base64
import os

os.environ["SECRET_KEY"] = "tests-only"
os.environ["FIELD_ENCRYPTION_KEYS"] = "test1:" + base64.b64encode(b"k" * 32).decode()
os.environ["SCOPE_SIGNING_KEY"] = base64.b64encode(b"s" * 32).decode()
os.environ["SIGNING_KEY"] = base64.b64encode(b"e" * 32).decode()
os.environ["INTEGRATIONS_ALLOWED"] = "notion_public,notion_internal"
os.environ["NOTION_CLIENT_ID"] = "5a4db0c5-0000-4000-8000-0000000d3300"
os.environ["NOTION_CLIENT_SECRET"] = "replaced-by-the-sandbox-fixture"
os.environ["NOTION_API_BASE_URL"] = "http://127.0.0.1:9"
os.environ["BASE_URL"] = "http://testserver"
os.environ["EMAIL_URL"] = "memorymail://"

from notionscan.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
