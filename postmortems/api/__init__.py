"""API v1 of the library."""
