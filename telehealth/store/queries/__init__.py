"""Questions to the database, one subject a module; a query may filter, it may not judge."""
