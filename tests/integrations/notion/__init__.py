"""The door to Notion, against a server that misbehaves at will and against the sandbox."""
