"""The JSON API under requests that schemathesis makes up from its own document.

Run all with ``make fuzz``, or ``python -m tests.fuzz REQUESTS``.
"""
