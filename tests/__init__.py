"""Tests: the specification, a sentence each (docs/architecture.md, "Tests")."""
