"""The one door to Notion: every call to its API leaves through here. Plain Python, no Django models."""
