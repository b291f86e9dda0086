"""Handlers for people: each turns a request into one page, or a form into one redirect."""
