"""Tasks: give one, look at one, tick it, drop it, pass it on."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from incidents import assigning
from incidents.forms import TaskEndForm, TaskForm
from incidents.models import Incident, Task
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest, incident_for, incident_to_act_on
from incidents.views.answers import ask, done, refuse, refused, told


@require_http_methods(["GET", "POST"])
@login_required
def hand_out(request: SignedInRequest, number: int) -> HttpResponse:
    """Ask what, who and for how long; then give the task."""
    incident = incident_to_act_on(request, number)
    form = TaskForm(request.POST or None, incident=incident, initial=told(request, "title", "owner", "within"))
    if request.method == "POST" and form.is_valid():
        try:
            wanted = assigning.Wanted(**form.cleaned_data)
            task = assigning.hand_out(incident, wanted, by=request.user, at=timezone.now())
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return done(request, incident, f"{task.whose} has the task.")
    return ask(request, incident, form, title="Give a task", verb="Give it")


@require_POST
@login_required
def finish(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """Tick a task at once."""
    incident = incident_to_act_on(request, number)
    try:
        assigning.finish(incident, pk, by=request.user, at=timezone.now())
    except Refusal as refusal:
        return refused(request, incident, refusal)
    return done(request, incident, "Done.")


@require_http_methods(["GET", "POST"])
@login_required
def task(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """One task: the buttons ``done`` and ``drop`` end it with its outcome, any other saves who and until when."""
    incident = incident_for(request, number) if request.method == "GET" else incident_to_act_on(request, number)
    row = Task.objects.filter(incident=incident, pk=pk).select_related("owner", "created_by", "done_by").first()
    if row is None:
        raise Http404
    form = TaskEndForm(request.POST or None, incident=incident, initial={"follow_up": row.follow_up})
    if request.method == "POST" and form.is_valid():
        try:
            words = _do(request, incident, row, form)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return done(request, incident, words)
    context = {
        "incident": incident,
        "task": row,
        "form": form,
        "at": timezone.now(),
        "may_act": request.user.may_declare,
    }
    template = "incidents/_task.html" if request.htmx else "incidents/task.html"
    return render(request, template, context, status=422 if form.is_bound else 200)


def _do(request: SignedInRequest, incident: Incident, row: Task, form: TaskEndForm) -> str:
    said, at = form.cleaned_data, timezone.now()
    if "done" in request.POST or "drop" in request.POST:
        dropped = "drop" in request.POST
        assigning.finish(
            incident,
            row.pk,
            by=request.user,
            at=at,
            outcome=said["outcome"],
            dropped=dropped,
            follow_up=said["follow_up"],
        )
        return "Dropped." if dropped else "Done."
    changed = {name: said[name] for name in ("owner", "within", "follow_up")}
    assigning.change(incident, row.pk, by=request.user, at=at, **changed)
    return "Saved."
