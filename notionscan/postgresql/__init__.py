"""A thin PostgreSQL backend that binds the scope to every transaction."""
