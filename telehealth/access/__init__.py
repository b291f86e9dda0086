"""Who may log in, where they are logged in, and who may see and do what."""
