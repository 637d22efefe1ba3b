"""What can be done to organizations and their members."""
