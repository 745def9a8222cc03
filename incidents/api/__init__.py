"""API v1 of the ground floor, and the machinery that every floor's part of the API shares."""
