"""Declare an incident in three answers, from any page."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from incidents import lifecycle
from incidents.forms import DeclareForm
from incidents.models import Incident, Service, Severity
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest
from incidents.views.answers import refuse
from incidents.visibility import require_responder


@require_http_methods(["GET", "POST"])
@login_required
def declare(request: SignedInRequest) -> HttpResponse:
    """Ask three things, then open the incident and page."""
    require_responder(request.user)
    form = DeclareForm(request.POST or None, initial={"service": request.GET.get("service")})
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            incident = lifecycle.declare(lifecycle.Declaration(**said), by=request.user, at=timezone.now())
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return redirect(incident)
    context = {"form": form, "severities": Severity.objects.order_by("level")}
    return render(request, "incidents/declare.html", context, status=422 if form.is_bound else 200)


@require_GET
@login_required
def preview(request: SignedInRequest) -> HttpResponse:
    """Open incidents of the chosen service or with the same words: perhaps it is known already."""
    words = [word for word in request.GET.get("title", "")[:200].split() if len(word) > 3]
    slug = request.GET.get("service", "")
    service = (
        Service.objects.filter(pk=int(slug)).first() if slug.isascii() and slug.isdigit() and len(slug) < 18 else None
    )
    known = Incident.objects.visible_to(request.user).open().for_board()
    if service:
        known = known.filter(service=service)
    elif words:
        known = known.filter(title__icontains=words[0])
    else:
        known = known.none()
    return render(request, "incidents/_known.html", {"known": list(known[:3]), "at": timezone.now()})
