"""Who may see and do what: the one gate. A private incident does not exist for those who have no part in it."""

from django.db.models import Q, QuerySet

from incidents.models import Alert, Incident, User
from incidents.refusals import NotAllowed


def incident_for(user: User, number: int) -> Incident:
    """Return the incident for reading, with what its page shows.

    Raises:
        Incident.DoesNotExist: there is none, or none that this person may see.
    """
    return Incident.objects.visible_to(user).for_page().get(number=number)


def incident_to_act_on(user: User, number: int) -> Incident:
    """Return the incident for a deed.

    Raises:
        Incident.DoesNotExist: there is none, or none that this person may see.
        NotAllowed: the person only reads.
    """
    incident = incident_for(user, number)
    require_responder(user)
    return incident


def require_responder(user: User) -> None:
    """Let responders and administrators pass.

    Raises:
        NotAllowed: the person only reads.
    """
    if not user.may_declare:
        raise NotAllowed("You may read, not act. Ask an administrator to make you a responder.")


def may_see(user: User, incident_id: int) -> bool:
    """Tell whether the person may see the incident now; asked again at each event of a live stream."""
    if not User.objects.filter(pk=user.pk, is_active=True).exists():
        return False
    return Incident.objects.visible_to(user).filter(pk=incident_id).exists()


def alerts_for(user: User) -> QuerySet[Alert]:
    """The alerts that the person may read about: those of private incidents are for those who take part."""
    seen = Incident.objects.visible_to(user).values("pk")
    return Alert.objects.filter(Q(incident=None) | Q(incident__private=False) | Q(incident__in=seen))


def manages(user: User, team_id: int) -> bool:
    """Tell whether the person looks after the team's configuration."""
    return user.is_administrator or user.memberships.filter(team_id=team_id, is_manager=True).exists()
