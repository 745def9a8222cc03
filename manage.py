#!/usr/bin/env python
"""Run one of Tocsin's commands: ``up``, ``engine``, ``demo``, ``doctor``, ``token`` and Django's own."""

import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import OperationalError

NEED_A_DATABASE = {
    "changepassword", "check_paging", "createsuperuser", "dbshell", "demo", "engine", "migrate", "prune", "shell",
    "simulate", "token",
}  # fmt: skip


def main(words: list[str]) -> None:
    """Run the command; one that needs the database says so at once where there is none."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if NEED_A_DATABASE & set(words[1:2]) and settings.DATABASE_URL == settings.NO_DATABASE:
        sys.exit(
            f"Nothing runs on {settings.DATA_DIR}. Start Tocsin with `make run` (with the same DATA_DIR), or set "
            "DATABASE_URL."
        )
    try:
        execute_from_command_line(words)
    except OperationalError as error:
        sys.exit(f"The database does not answer, so nothing was done: {error}")


if __name__ == "__main__":
    main(sys.argv)
