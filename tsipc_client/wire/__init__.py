"""The protocol without I/O: what both sides agree on, and nothing that only one of them needs."""
