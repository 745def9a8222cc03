"""``manage.py check_paging``: does every path reach a verified human for the next 30 days?"""

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from incidents import due
from oncall import holes

LONGEST = 366  # days


class Command(BaseCommand):
    """Judge each service and severity on the boundaries of every shift; end with 1 when a path has a hole."""

    help = "Check that for every service and severity somebody with a verified contact method is reached at any time."

    def add_arguments(self, parser: CommandParser) -> None:
        """How far, and in which form."""
        parser.add_argument("--days", type=int, default=holes.AHEAD.days, help="how far ahead (default 30)")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check and print; holes are an error."""
        if not 1 <= options["days"] <= LONGEST:
            raise CommandError(f"Choose from 1 to {LONGEST} days.")
        report = holes.report(due.database_now(), ahead=timedelta(days=options["days"]))
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(report), indent=2))
        else:
            for line in _lines(report):
                self.stdout.write(line)
        if report.open_paths:
            count = len(report.open_paths)
            raise CommandError(
                f"{count} of {len(report.paths)} paths {'has' if count == 1 else 'have'} a hole.", returncode=1
            )


def _lines(report: holes.Report) -> list[str]:
    if not report.paths:
        return ["There is no active service, so there is nothing to check."]
    until = f"until {report.until:%Y-%m-%d %H:%M} UTC"
    if not report.open_paths:
        return [f"All {len(report.paths)} paths reach a verified person at any time {until}."]
    lines = []
    for hole in report.holes():
        caught = ", ".join(str(person) for person in hole.caught_by)
        end = f"{hole.end:%Y-%m-%d %H:%M}" + (" or later" if hole.goes_on else "")
        lines.append(f"{hole.start:%Y-%m-%d %H:%M} to {end} UTC  {hole.team}: {hole.paths} ({hole.reason})")
        lines.append(f"    {f'only the fallback: {caught}' if caught else 'nobody at all is told'}")
    return lines


def _as_json(report: holes.Report) -> dict[str, object]:
    return {
        "from": _utc(report.at),
        "until": _utc(report.until),
        "paths": len(report.paths),
        "covered": len(report.paths) - len(report.open_paths),
        "holes": [
            {
                "service": path.service.slug,
                "severity": f"P{path.severity.level}" if path.severity else None,
                "team": path.service.team.slug,
                "policy": path.policy.slug if path.policy else None,
                "fallback": [person.email for person in report.caught_by(path)],
                "gaps": [
                    {"start": _utc(gap.start), "end": _utc(gap.end), "reason": report.reason(gap, path.policy)}
                    for gap in path.gaps
                ],
            }
            for path in report.open_paths
        ],
    }


def _utc(moment: Any) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
