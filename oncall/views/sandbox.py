"""The sandbox: what each person's phone would have received, with answers that work."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from incidents.models import User
from incidents.requests import SignedInRequest
from oncall import channels
from oncall import phone as reading
from oncall.forms import PersonForm
from oncall.wording import city


@require_GET
@login_required
def sandbox(request: SignedInRequest) -> HttpResponse:
    """Go to the chosen phone (``?person=``), else to the one that matters most; without the sandbox, say what is."""
    if not settings.SANDBOX:
        return render(request, "oncall/sandbox_off.html", {"ways": channels.describe()})
    form = PersonForm(request.GET, people=reading.people(request.user))
    chosen = form.cleaned_data["person"] if form.is_valid() else reading.first_choice(request.user)
    return redirect("oncall:sandbox-phone", chosen.pk)


@require_GET
@login_required
def phone(request: SignedInRequest, pk: int) -> HttpResponse:
    """One person's phone."""
    people = list(reading.people(request.user))
    return render(request, "oncall/phone.html", {**_phone_of(request, pk), "people": people})


@require_GET
@login_required
def messages_fragment(request: SignedInRequest, pk: int) -> HttpResponse:
    """The part of the phone that changes; 204 while it is still what the page shows (``?stamp=``)."""
    context = _phone_of(request, pk)
    if context["phone"].stamp == request.GET.get("stamp"):
        return HttpResponse(status=204)
    return render(request, "oncall/_phone.html", context)


@require_POST
@login_required
def empty(request: SignedInRequest, pk: int) -> HttpResponse:
    """Clear the phone's messages; what became of them stays on record."""
    person = _person(request, pk)
    reading.empty(person)
    if request.htmx:
        return render(request, "oncall/_phone.html", _phone_of(request, pk))
    return redirect("oncall:sandbox-phone", person.pk)


def _person(request: SignedInRequest, pk: int) -> User:
    """The person whose phone it is.

    Raises:
        Http404: there is no sandbox, or no such phone for this viewer.
    """
    person = reading.people(request.user).filter(pk=pk).first() if settings.SANDBOX else None
    if person is None:
        raise Http404
    return person


def _phone_of(request: SignedInRequest, pk: int) -> dict[str, Any]:
    at = timezone.now()
    person = _person(request, pk)
    return {
        "at": at,
        "person": person,
        "phone": reading.Phone(person, request.user, at),
        "city": city(person.time_zone),
    }
