"""The pager's part of the admin site."""

from oncall.admin import layers, outbox, people, policies, schedules

__all__ = ["layers", "outbox", "people", "policies", "schedules"]
