"""The app's start."""

from django.apps import AppConfig


class PostmortemsConfig(AppConfig):
    """Registers nothing yet."""

    name = "postmortems"
