"""A first rotation for a team in one form, with its first four weeks beside it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from incidents.models import Team, User
from incidents.refusals import NotAllowed, Refusal
from incidents.requests import SignedInRequest
from incidents.views.answers import refuse
from oncall import beginnings, rights
from oncall.shift_forms import RotationForm


@require_GET
@login_required
def choose(request: SignedInRequest) -> HttpResponse:
    """The teams whose rotation the reader may make, those without one first."""
    teams = Team.objects.filter(pk__in=rights.teams_managed_by(request.user))
    teams = teams.annotate(rotations=Count("schedules", filter=Q(schedules__is_active=True)))
    return render(request, "oncall/new.html", {"teams": teams.order_by("rotations", "name", "pk")})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def begin(request: SignedInRequest, slug: str) -> HttpResponse:
    """The form; ``foresee`` only shows the first weeks."""
    team, at = _team(request, slug), timezone.now()
    context: dict[str, Any] = {"team": team, "at": at, "weeks": None}
    if request.method == "POST":
        form = RotationForm(request.POST, people=_people(team))
        if "more" in request.POST:  # the form as it stands with more places, judged when it is sent
            form = RotationForm(people=_people(team), initial=request.POST.dict())
        elif form.is_valid():
            try:
                if "foresee" in request.POST:
                    context |= _foreseen(form, team)
                else:
                    schedule = beginnings.begin(form.wanted(team), by=request.user, at=at)
                    messages.success(request, f"{schedule} is in force: it answers for {team} from now on.")
                    return redirect("oncall:schedule", schedule.slug)
            except Refusal as refusal:
                refuse(form, refusal)
    else:
        form = RotationForm(people=_people(team), initial=_initial(team))
    context["form"] = form
    return render(request, "oncall/begin.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def foresee(request: SignedInRequest, slug: str) -> HttpResponse:
    """The first four weeks of the form as it stands."""
    team = _team(request, slug)
    form = RotationForm(request.POST, people=_people(team))
    context: dict[str, Any] = {"weeks": None}
    if form.is_valid():
        context |= _foreseen(form, team)
    else:
        context["refused"] = next(str(error) for errors in form.errors.values() for error in errors)
    return render(request, "oncall/_first_weeks.html", context)


def _team(request: SignedInRequest, slug: str) -> Team:
    """The team.

    Raises:
        Http404: there is none.
        NotAllowed: the reader does not look after it.
    """
    team = get_object_or_404(Team, slug=slug)
    if not rights.may_manage(request.user, team):
        raise NotAllowed(f"Only managers of {team} and administrators may make its rotation.")
    return team


def _people(team: Team) -> QuerySet[User]:
    """The members of the team first in line; where it has none, everybody."""
    active = User.objects.filter(is_active=True).order_by("name", "pk")
    members = active.filter(memberships__team=team)
    return members if members.exists() else active


def _initial(team: Team) -> dict[str, Any]:
    """Everybody of the team in turn, on the team's own clock."""
    members = User.objects.filter(is_active=True, memberships__team=team).order_by("memberships__pk")
    initial: dict[str, Any] = {"name": beginnings.suggested_name(team), "time_zone": team.time_zone}
    for number, person in enumerate(members[: RotationForm.MOST], start=1):
        initial[f"place_{number}"] = person.pk
    return initial


def _foreseen(form: RotationForm, team: Team) -> dict[str, Any]:
    wanted = form.wanted(team)
    return {
        "weeks": beginnings.foresee(wanted, timezone.now()),
        "warnings": beginnings.warnings(wanted),
        "zone": wanted.time_zone,
    }
