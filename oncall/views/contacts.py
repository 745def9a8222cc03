"""My contact methods: add one, prove it by a code, test it, make it the first, switch it off, take it away."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from incidents.refusals import Invalid, TransitionError
from incidents.requests import SignedInRequest
from oncall import contacts, probes, ways
from oncall.forms import CodeForm, ContactMethodForm
from oncall.models import ContactMethod

Deed = Callable[[SignedInRequest, ContactMethod, datetime], str]


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def mine(request: SignedInRequest) -> HttpResponse:
    """The list, and the form for one more; a new one is sent its code at once."""
    at = timezone.now()
    form = ContactMethodForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        method = _add(request, form, at)
        if method is not None:
            return redirect("oncall:contact-methods")
    rows = ways.of(request.user, at)
    context = {"rows": rows, "warnings": ways.warnings(rows), "offers": ways.offers(), "form": form}
    return render(request, "oncall/contact_methods.html", context, status=422 if form.errors else 200)


def _add(request: SignedInRequest, form: ContactMethodForm, at: datetime) -> ContactMethod | None:
    """Add what the form says; a refusal goes to the form."""
    said = form.cleaned_data
    try:
        method = contacts.add(request.user, channel=said["channel"], address=said["address"], verified=False, at=at)
        if method.verified_at is None:
            probes.send_code(method, by=request.user, at=at)
            messages.info(request, f"A code is on its way to {method.address}. Type it in below.")
    except Invalid as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
    except ValidationError as refusal:
        form.add_error(None, refusal.messages)
    except TransitionError as refusal:
        form.add_error(None, str(refusal))
    else:
        return method
    return None


@require_GET
@login_required
def one(request: SignedInRequest, pk: int) -> HttpResponse:
    """One row, asked for again while a code or test is on its way."""
    return _row(request, _own(request, pk))


@require_POST
@login_required
def verify(request: SignedInRequest, pk: int) -> HttpResponse:
    """Hold a code against the one that was sent."""
    row, at, form = _own(request, pk), timezone.now(), CodeForm(request.POST)
    if form.is_valid():
        try:
            if probes.verify(row.method, form.cleaned_data["code"], by=request.user, at=at):
                messages.success(request, f"{row.method} is verified: pages can reach you there.")
                return redirect("oncall:contact-methods")
            form.add_error("code", "That is not the code. Look again, or send a new one.")
        except Invalid as refusal:
            form.add_error("code", str(refusal))
    rows = ways.of(request.user, at)
    context = {"rows": rows, "warnings": ways.warnings(rows), "offers": ways.offers(), "form": ContactMethodForm()}
    refused: dict[str, Any] = {"refused": pk, "code_errors": form.errors.get("code", [])}
    return render(request, "oncall/contact_methods.html", context | refused, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def remove(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask, then take it away."""
    row = _own(request, pk)
    if request.method == "POST":
        contacts.remove(row.method, by=request.user)
        messages.success(request, f"{row.method} is removed.")
        return redirect("oncall:contact-methods")
    others = [
        other for other in ways.of(request.user, timezone.now()) if other.method.is_usable and other.method.pk != pk
    ]
    return render(request, "oncall/contact_method_remove.html", {"row": row, "is_last": not others})


@require_POST
@login_required
def act(request: SignedInRequest, pk: int, deed: str) -> HttpResponse:
    """Send a code or a test, make it the first, switch it off or on."""
    if deed not in DEEDS:
        raise Http404
    row = _own(request, pk)
    try:
        messages.info(request, DEEDS[deed](request, row.method, timezone.now()))
    except TransitionError as refusal:
        messages.warning(request, str(refusal))
    return redirect("oncall:contact-methods")


def _code(request: SignedInRequest, method: ContactMethod, at: datetime) -> str:
    probes.send_code(method, by=request.user, at=at)
    return f"A new code is on its way to {method.address}."


def _test(request: SignedInRequest, method: ContactMethod, at: datetime) -> str:
    probes.send_test(method, by=request.user, at=at)
    return f"A test is on its way to {method.address}."


def _prefer(request: SignedInRequest, method: ContactMethod, at: datetime) -> str:
    contacts.prefer(method, by=request.user)
    return f"{method} is your first now."


def _off(request: SignedInRequest, method: ContactMethod, at: datetime) -> str:
    contacts.switch(method, on=False, by=request.user, at=at)
    return f"{method} is off: nothing is sent there."


def _on(request: SignedInRequest, method: ContactMethod, at: datetime) -> str:
    contacts.switch(method, on=True, by=request.user, at=at)
    return f"{method} is on again."


DEEDS: dict[str, Deed] = {"code": _code, "test": _test, "first": _prefer, "off": _off, "on": _on}


def _own(request: SignedInRequest, pk: int) -> ways.Mine:
    """One of the person's own.

    Raises:
        Http404: it is gone, or somebody else's.
    """
    try:
        return ways.one(request.user, pk, timezone.now())
    except ContactMethod.DoesNotExist as error:
        raise Http404 from error


def _row(request: SignedInRequest, row: ways.Mine) -> HttpResponse:
    context: dict[str, Any] = {"row": row}
    return render(request, "oncall/_contact_method.html", context)
