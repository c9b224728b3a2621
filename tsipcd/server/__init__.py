"""The edge towards clients: the socket, and one peer a connection."""
