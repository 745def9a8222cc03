"""My own page: who I am here, and what I may change about it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from incidents.forms import MeForm
from incidents.models import User
from incidents.requests import SignedInRequest


@require_http_methods(["GET", "POST"])
@login_required
def me(request: SignedInRequest) -> HttpResponse:
    """Name, time zone, colours; teams and ranks to read."""
    form = MeForm(request.POST or None, instance=User.objects.get(pk=request.user.pk))  # a refused form changes nobody
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("incidents:me")
    memberships = request.user.memberships.select_related("team").order_by("team__name", "pk")
    context = {"form": form, "memberships": memberships, "at": timezone.now()}
    return render(request, "incidents/me.html", context, status=422 if form.errors else 200)
