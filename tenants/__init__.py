"""People, organizations, memberships and roles: who may do what where."""
