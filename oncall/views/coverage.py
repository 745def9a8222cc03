"""The coverage page: does every path reach somebody for the next 30 days?"""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from incidents.models import Service, Severity, Team
from incidents.requests import SignedInRequest
from oncall import holes


@require_GET
@login_required
def coverage(request: SignedInRequest) -> HttpResponse:
    """The holes of every team by time, and each service's paths; ``?team=`` narrows it to one team."""
    at = timezone.now()
    teams = list(Team.objects.filter(services__is_active=True).distinct().order_by("name", "pk"))
    slug = request.GET.get("team", "")
    team = next((one for one in teams if one.slug == slug), None)
    services = Service.objects.filter(is_active=True).select_related("team").order_by("team__name", "name", "pk")
    report = holes.report(at, services=services.filter(team=team) if team else services)
    context = {
        "at": at,
        "report": report,
        "by_team": report.by_team(),
        "by_service": report.by_service(),
        "severities": list(Severity.objects.order_by("level")),
        "teams": teams,
        "team": team,
        "unknown": slug if slug and team is None else "",
    }
    return render(request, "oncall/coverage.html", context, status=404 if context["unknown"] else 200)
