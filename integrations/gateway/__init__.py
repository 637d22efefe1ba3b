"""Governed access to Notion: one guarded way for people, scripts and agents."""
