"""A stand-in for api.notion.com and Reddit on loopback, for demos and tests: real shapes, invented data.

Plain Python, no Django: it knows nothing of the product, as they do not.
"""

from integrations.sandbox.ids import Kind
from integrations.sandbox.oauth import OAuthClient
from integrations.sandbox.people import Standing
from integrations.sandbox.plan import WorkspacePlan
from integrations.sandbox.sandbox import (
    DEMO_CLIENT,
    DEMO_REDDIT_CLIENT,
    DEMO_REDIRECT_URI,
    WORKSPACE_NAMES,
    Sandbox,
    demo_token,
)
from integrations.sandbox.server import NotLoopbackError
from integrations.sandbox.tokens import EVERYTHING, Capability, TokenKind
from integrations.sandbox.workspace import Workspace

__all__ = [
    "DEMO_CLIENT",
    "DEMO_REDDIT_CLIENT",
    "DEMO_REDIRECT_URI",
    "EVERYTHING",
    "WORKSPACE_NAMES",
    "Capability",
    "Kind",
    "NotLoopbackError",
    "OAuthClient",
    "Sandbox",
    "Standing",
    "TokenKind",
    "Workspace",
    "WorkspacePlan",
    "demo_token",
]
