"""The audit log: what was done, by whom, with what result. A leaf that knows no other app."""
