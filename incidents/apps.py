"""The app's start."""

from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    """Registers nothing yet."""

    name = "incidents"
