"""The pager's part of the admin site."""

from oncall.admin import cover, layers, outbox, people, policies, schedules, shifts

__all__ = ["cover", "layers", "outbox", "people", "policies", "schedules", "shifts"]
