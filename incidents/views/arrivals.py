"""Everything that came in: the events as they were sent, what was made of each, and why it went where it went."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from incidents import routing
from incidents.forms import EventsForm
from incidents.intake import explaining
from incidents.models import Incident, RawEvent
from incidents.requests import SignedInRequest

PER_PAGE = 50
MOST_COUNTED = 5_000  # nobody turns so many pages


@require_safe
@login_required
def events(request: SignedInRequest) -> HttpResponse:
    """The events, newest first (5 queries, however many there are)."""
    form = EventsForm(request.GET)
    rows = form.narrow(explaining.visible_to(request.user)).order_by("-pk")
    found = list(rows.values_list("pk", flat=True)[: MOST_COUNTED + 1])
    page = Paginator(found[:MOST_COUNTED], PER_PAGE).get_page(request.GET.get("page"))
    by_pk = RawEvent.objects.defer("body").select_related("integration__service").in_bulk(list(page.object_list))
    context = {
        "form": form,
        "page": page,
        "rows": [(row := by_pk[pk], words_of(row)) for pk in page.object_list],
        "many": len(found) > MOST_COUNTED,
        "most": MOST_COUNTED,
        "at": timezone.now(),
    }
    return render(request, "incidents/events.html", context)


@require_safe
@login_required
def event(request: SignedInRequest, pk: int) -> HttpResponse:
    """One event: its body, what was made of it, and the way of each of its alerts."""
    raw = get_object_or_404(explaining.visible_to(request.user), pk=pk)
    explained = explaining.explain(raw)
    refs = {int(ref.removeprefix("INC-")) for ref in raw.outcome.get("incidents", [])}
    seen = Incident.objects.visible_to(request.user)
    context = {
        "raw": raw,
        "words": words_of(raw),
        "explained": explained,
        "body": explaining.pretty(raw),
        "incidents": seen.filter(number__in=refs).select_related("severity").order_by("number"),
        "routes_then": raw.outcome.get("routes", []),
        "may_edit": routing.may_edit(request.user, raw.integration),
        "at": timezone.now(),
    }
    return render(request, "incidents/event.html", context)


def words_of(raw: RawEvent) -> str:
    """What was made of an event, in words; empty while it waits."""
    counts = [f"{count} {what}" for what, count in raw.outcome.items() if isinstance(count, int)]
    return ", ".join(counts)
