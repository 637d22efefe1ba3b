"""The ten calls for AI agents, over the Model Context Protocol.

Stateless streamable HTTP with JSON answers: every POST carries one message and its key, and nothing is kept
between two. The SDK's own server is ASGI; its types are used here to check and to write messages.
Source: modelcontextprotocol.io/specification/2025-11-25/basic/transports
"""
