"""Calls: states, rooms, the book and the desk."""
