"""The list of all incidents: found by words and choices that stand in the URL; choices kept; many acknowledged."""

import re
from collections.abc import Sequence

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from incidents import bulk, filters, search
from incidents.forms import ListForm, SaveFilterForm
from incidents.models import Incident
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest

NUMBER = re.compile(r"[0-9]{1,9}\Z")  # of an incident
PER_PAGE = 50
MOST_COUNTED = 5_000  # nobody turns so many pages; beyond that, “more than” says enough


@require_safe
@login_required
def incident_list(request: SignedInRequest) -> HttpResponse:
    """Every incident that the person may see, as the URL chooses (8 queries, however many there are)."""
    return _list(request, request.GET)


@require_POST
@login_required
def keep_filter(request: SignedInRequest) -> HttpResponse:
    """Keep the choice of the address under a name."""
    form = SaveFilterForm(request.POST)
    chosen = _choice(request)
    try:
        if form.is_valid():
            filters.keep(request.user, name=form.cleaned_data["name"], query=chosen)
            return _back(chosen)
    except Refusal as refusal:
        form.add_error("name", str(refusal))
    return _list(request, chosen, save_form=form, status=422)


@require_POST
@login_required
def forget_filter(request: SignedInRequest, pk: int) -> HttpResponse:
    """Forget a choice that was kept."""
    filters.forget(request.user, pk)
    return _back(_choice(request))


@require_POST
@login_required
def acknowledge_chosen(request: SignedInRequest) -> HttpResponse:
    """Acknowledge the incidents that were ticked, and say of each what came of it."""
    numbers = [int(text) for text in request.POST.getlist("number") if NUMBER.match(text)]
    if not numbers:
        toasts.error(request, "Tick the incidents that you take, then acknowledge them.")
    else:
        outcome = bulk.acknowledge(numbers, by=request.user, at=timezone.now())
        (toasts.error if outcome.refused else toasts.info)(request, outcome.words)
    return _back(_choice(request))


def _list(
    request: SignedInRequest, chosen: QueryDict, *, save_form: SaveFilterForm | None = None, status: int = 200
) -> HttpResponse:
    at = timezone.now()
    form = ListForm(chosen)
    rows = form.narrow(Incident.objects.visible_to(request.user), request.user, at)
    found = list(rows.values_list("pk", flat=True)[: MOST_COUNTED + 1])  # one search for the count and for the page
    page = Paginator(found[:MOST_COUNTED], PER_PAGE).get_page(chosen.get("page"))
    shown = _shown(list(page.object_list))
    context = {
        "form": form,
        "page": page,
        "rows": _rows(shown, form.words),
        "many": len(found) > MOST_COUNTED,
        "most": MOST_COUNTED,
        "waiting": any(row.is_open and not row.acknowledged for row in shown) and request.user.may_declare,
        "at": at,
        "choice": _known(chosen).urlencode(),
        "kept": request.user.saved_filters.order_by("name", "pk"),
        "save_form": save_form or SaveFilterForm(),
    }
    return render(request, "incidents/list.html", context, status=status)


def _shown(pks: Sequence[int]) -> list[Incident]:
    by_pk = Incident.objects.select_related("severity", "service", "held_by").in_bulk(pks)
    return [by_pk[pk] for pk in pks]


def _rows(shown: Sequence[Incident], words: str) -> list[tuple[Incident, str]]:
    """Each incident with the line of its story that holds the words, or nothing."""
    found = search.excerpts(shown, words) if words and shown else {}
    return [(incident, found.get(incident.pk, "")) for incident in shown]


def _choice(request: SignedInRequest) -> QueryDict:
    """The choice that a form of the list carries along."""
    return _known(QueryDict(request.POST.get("choice", "")[:1000]))


def _known(query: QueryDict) -> QueryDict:
    """What of a query is a choice of the list; the page is none."""
    kept = QueryDict(mutable=True)
    for name in ListForm.base_fields:
        values = [value for value in query.getlist(name) if value]
        if values:
            kept.setlist(name, values)
    return kept


def _back(chosen: QueryDict) -> HttpResponse:
    query = chosen.urlencode()
    return redirect(f"{reverse('incidents:list')}{'?' if query else ''}{query}")
