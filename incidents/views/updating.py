"""Post an update."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from incidents import updates
from incidents.forms import NOT_WHOLE, UpdateForm
from incidents.models import Incident
from incidents.refusals import Conflict, Refusal
from incidents.requests import SignedInRequest, incident_to_act_on
from incidents.views.answers import ask, done, refuse, told


@require_http_methods(["GET", "POST"])
@login_required
def post_update(request: SignedInRequest, number: int) -> HttpResponse:
    """Three fields, filled with the last update: most of it is still true."""
    incident = incident_to_act_on(request, number)
    if request.method == "GET":
        return _ask(request, incident, _filled(incident, told(request, "conditions")))
    form = UpdateForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        parts = updates.Said(said["conditions"], said["actions"], said["needs"])
        try:
            updates.post(
                incident,
                parts,
                by=request.user,
                at=timezone.now(),
                occurred_at=said["occurred_at"],
                seen=said["seen"],
            )
        except Refusal as refusal:
            refuse(form, refusal)
            if isinstance(refusal, Conflict):
                _know_the_last(form, incident)
        else:
            return done(request, incident, "The update is out.")
    elif "seen" in form.errors:
        form.add_error(None, NOT_WHOLE)
        _know_the_last(form, incident)
    return _ask(request, incident, form)


def _filled(incident: Incident, said: dict[str, str]) -> UpdateForm:
    before = updates.last(incident)
    parts = updates.parts_of(before)
    known = {name: getattr(parts, name)[:longest] for name, longest in updates.LONGEST.items()}
    return UpdateForm(initial={**known, **said, "seen": before.seq if before else 0})


def _know_the_last(form: UpdateForm, incident: Incident) -> None:
    """Let a person who has read the other's update send their own."""
    before = updates.last(incident)
    form.data = {**{name: form.data.get(name) for name in form.data}, "seen": before.seq if before else 0}


def _ask(request: SignedInRequest, incident: Incident, form: UpdateForm) -> HttpResponse:
    return ask(request, incident, form, title="Post an update", verb="Post update")
