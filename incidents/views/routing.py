"""Routes: where the alerts of each integration go, tried out on the newest ones before they are saved."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from incidents import routing
from incidents.forms import RouteForm
from incidents.models import Integration, Route
from incidents.refusals import NotAllowed, Refusal
from incidents.requests import SignedInRequest
from incidents.views.answers import refuse

FIELDS = ("name", "conditions", "service", "severity", "policy", "group_by", "is_active")


@require_safe
@login_required
def integrations(request: SignedInRequest) -> HttpResponse:
    """Every integration with how many routes it has."""
    rows = Integration.objects.filter(is_active=True).select_related("service__team")
    counted = rows.annotate(count=Count("routes", filter=Q(routes__is_active=True)))
    return render(request, "incidents/routes_all.html", {"rows": counted.order_by("name", "pk")[:500]})


@require_safe
@login_required
def routes(request: SignedInRequest, pk: int) -> HttpResponse:
    """The routes of one integration in order, and where its newest alerts would go by them."""
    integration = _integration(pk)
    rows = routing.of(integration)
    context = {
        "integration": integration,
        "rows": rows,
        "ways": routing.try_out(integration, rows, request.user),
        "may_edit": routing.may_edit(request.user, integration),
        "at": timezone.now(),
    }
    return render(request, "incidents/routes.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit(request: SignedInRequest, pk: int, route: int | None) -> HttpResponse:
    """Write a route; ``try`` only shows where the newest alerts would go with it."""
    integration = _integration(pk)
    if not routing.may_edit(request.user, integration):
        raise NotAllowed("Only a manager of the owning team or an administrator may change where alerts go.")
    rows = routing.of(integration)
    row = next((one for one in rows if one.pk == route), None)
    if route is not None and row is None:
        raise Http404
    form = RouteForm(request.POST or None, initial={name: getattr(row, name) for name in FIELDS} if row else None)
    ways = None
    if request.method == "POST" and form.is_valid():
        try:
            if "try" not in request.POST:
                saved = routing.save(integration, form.wanted(), by=request.user, at=timezone.now(), pk=route)
                messages.success(request, f"“{saved}” is saved. It counts for alerts that open from now on.")
                return redirect("incidents:routes-of", pk)
            ways = routing.try_out(integration, routing.drafted(integration, form.wanted(), rows, route), request.user)
        except Refusal as refusal:
            refuse(form, refusal)
    context: dict[str, Any] = {"integration": integration, "route": row, "form": form, "ways": ways}
    return render(
        request, "incidents/route_form.html", context | {"at": timezone.now()}, status=422 if form.errors else 200
    )


@require_POST
@login_required
def move(request: SignedInRequest, pk: int, route: int) -> HttpResponse:
    """Move a route one place ``up`` or down."""
    try:
        routing.move(_integration(pk), route, up="up" in request.POST, by=request.user, at=timezone.now())
    except Route.DoesNotExist:
        raise Http404 from None
    return redirect("incidents:routes-of", pk)


@require_POST
@login_required
def remove(request: SignedInRequest, pk: int, route: int) -> HttpResponse:
    """Take a route away."""
    try:
        routing.remove(_integration(pk), route, by=request.user, at=timezone.now())
    except Route.DoesNotExist:
        raise Http404 from None
    messages.success(request, "The route is gone.")
    return redirect("incidents:routes-of", pk)


def _integration(pk: int) -> Integration:
    return get_object_or_404(Integration.objects.select_related("service__team"), pk=pk)
