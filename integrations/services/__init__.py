"""What can be done to a connection. No call leaves inside a transaction."""
