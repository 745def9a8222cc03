"""The app's start."""

from django.apps import AppConfig


class OncallConfig(AppConfig):
    """Registers nothing yet."""

    name = "oncall"
