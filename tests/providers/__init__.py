"""Local servers that speak the protocol of a provider and misbehave as a test tells them to."""
