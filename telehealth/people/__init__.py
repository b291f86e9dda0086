"""People: how they are named, numbered, found and joined into households."""
