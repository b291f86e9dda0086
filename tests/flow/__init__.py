"""A whole server on loopback, over HTTP and WebSocket, on both engines."""
