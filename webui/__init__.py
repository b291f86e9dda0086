"""HTTP and WebSocket routes, pages and their scripts: translates, decides nothing."""
