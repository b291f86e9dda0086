"""Tests of the routes, pages and sockets on a real application over a real database."""
