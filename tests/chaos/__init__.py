"""Break things while real processes work, and count what was lost: ``make chaos``."""
