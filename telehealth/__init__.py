"""The server: rules, storage, calls, routing (docs/architecture.md)."""
