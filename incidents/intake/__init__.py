"""Alerts come in: one module for each format, the thin door, the store, and what is made of the stored events."""
