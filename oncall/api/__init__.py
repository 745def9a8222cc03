"""API v1 of the pager."""
