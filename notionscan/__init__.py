"""Notion Scan: settings, root URLs and the database floor that every app stands on."""
