"""Connections to Notion: connect, rotate, refresh, disconnect, and the one door to its API."""
