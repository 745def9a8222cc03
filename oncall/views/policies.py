"""The escalation page: who would be told and paged when."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from incidents.requests import SignedInRequest
from oncall import prospect
from oncall.forms import ServiceForm


@require_GET
@login_required
def policies(request: SignedInRequest) -> HttpResponse:
    """The ladder of each severity in words; for a chosen service, with the people behind each level now."""
    at = timezone.now()
    form = ServiceForm(request.GET)
    service = form.cleaned_data["service"] if form.is_valid() else None
    seen = prospect.Prospect(service, at)
    context = {
        "at": at,
        "form": form,
        "service": service,
        "ladders": seen.ladders(),
        "own_services": seen.services_with_a_policy(),
        "fallback": prospect.fallback(service),
    }
    return render(request, "oncall/policies.html", context)
