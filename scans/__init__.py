"""Scans: what a workspace is made of, kept so that any past scan can be re-read."""
