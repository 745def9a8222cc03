"""``manage.py simulate SERVICE SEVERITY``: who would be told and paged, minute by minute."""

import json
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from incidents import due
from incidents.models import Service, Severity, User
from oncall import simulation


class Command(BaseCommand):
    """Climb a ladder without telling anybody: the engine itself does it, and everything is undone."""

    help = "Print who would be told, by which channel and why, if an incident opened. Nobody is contacted."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where, how bad, when, and who does not answer."""
        parser.add_argument("service", nargs="?", help="the short name of the service")
        parser.add_argument("severity", nargs="?", help="P0 to P4; left out: nobody names one")
        parser.add_argument("--service", dest="service_too", metavar="SLUG", help="the same, as an option")
        parser.add_argument("--severity", dest="severity_too", metavar="LEVEL", help="the same, as an option")
        parser.add_argument("--at", help="when it opens, such as 2026-03-29T03:00:00Z (default: now)")
        parser.add_argument(
            "--silent", action="append", metavar="EMAIL", help="does not answer; all others do after a minute"
        )
        parser.add_argument("--json", action="store_true", help="print JSON as the API does")

    def handle(self, *args: Any, **options: Any) -> None:
        """Simulate and print."""
        found = simulation.simulate(
            _service(options["service"] or options["service_too"]),
            severity=_severity(options["severity"] or options["severity_too"]),
            at=_moment(options["at"]),
            silent=_people(options["silent"]),
        )
        if options["json"]:
            self.stdout.write(json.dumps([_row(one) for one in found.told], indent=2))
            return
        for one in found.told:
            seconds = int(one.after.total_seconds())
            when = f"{seconds // 60}:{seconds % 60:02}"
            self.stdout.write(f"{when:>8}  {one.act:6}  {one.person}  by {', '.join(one.channels)}  ({one.why})")
        if not found.told:
            self.stdout.write("Nobody is told.")
        for line in found.lines:
            if line.alarm:
                self.stdout.write(f"  {line.text}")


def _row(one: simulation.Told) -> dict[str, object]:
    return {
        "after": int(one.after.total_seconds()),
        "person": one.person.email,
        "act": one.act,
        "channels": list(one.channels),
        "why": one.why,
    }


def _service(slug: str | None) -> Service:
    service = Service.objects.select_related("team").filter(slug=slug or "").first()
    if service is None:
        raise CommandError(f"There is no service “{slug}”." if slug else "Name a service.")
    return service


def _severity(label: str | None) -> Severity | None:
    if not label:
        return None
    digits = label.upper().removeprefix("P")
    severity = Severity.objects.filter(level=int(digits)).first() if digits.isdecimal() else None
    if severity is None:
        raise CommandError(f"There is no severity “{label}”. Use P0, P1, P2, P3 or P4.")
    return severity


def _moment(said: str | None) -> datetime:
    if said is None:
        return due.database_now()
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        raise CommandError(f"“{said}” is no time. Write it as 2026-03-29T03:00:00Z.") from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _people(emails: list[str] | None) -> set[int] | None:
    if emails is None:
        return None
    found = {email: User.objects.filter(email__iexact=email).first() for email in emails}
    for email, person in found.items():
        if person is None:
            raise CommandError(f"There is no person with the address {email}.")
    return {person.pk for person in found.values() if person}
