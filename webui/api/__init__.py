"""Handlers for programs: JSON, WebSockets, health."""
