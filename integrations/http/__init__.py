"""How calls to a provider are made: bounded, checked, retried. Plain Python, no Django models."""
