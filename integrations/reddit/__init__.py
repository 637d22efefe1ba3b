"""The one door to Reddit: an account's consent, its name, and its end. Plain Python, no Django models."""
