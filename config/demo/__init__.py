"""The demo organisation: an online shop with a past, so that every page has something to show."""

ORGANISATION = "Larkfield"
ADMINISTRATOR = "admin@example.com"
DEMO_PASSWORD = "larkfield-demo"  # noqa: S105  # of every demo person; `make run` prints it
