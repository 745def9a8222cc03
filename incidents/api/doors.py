"""Who knocks, and what their token lets them do. Bearer tokens alone open the API; a browser's session does not."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from incidents import visibility
from incidents.models import ApiToken, Incident, Scope, Team, User
from incidents.refusals import NotAllowed

USE_IS_NOTED_EVERY = timedelta(minutes=1)
REACH = {Scope.READ: 0, Scope.WRITE: 1, Scope.ADMIN: 2}  # each scope contains those before it


class ApiRequest(HttpRequest):
    """A request that a token has let in."""

    user: User
    token: ApiToken
    at: datetime  # the one instant at which the whole request happens


class Bearer(HttpBearer):
    """The token of an active person, neither unknown nor revoked."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        """Return the token, and leave on the request whose it is and when it came; asked again it answers the same."""
        known: ApiToken | None = getattr(request, "token", None)
        if known is None:
            known = _find(token)
        if known is None:
            return None
        if not hasattr(request, "at"):
            request.token, request.at = known, timezone.now()  # type: ignore[attr-defined]
            request.user = known.user  # so that the history of changes names the person
            _note_use(known, request.at)  # type: ignore[attr-defined]
        return known


bearer = Bearer()


def _find(secret: str) -> ApiToken | None:
    digest = ApiToken.digest_of(secret.strip())
    tokens = ApiToken.objects.select_related("user")
    return tokens.filter(digest=digest, revoked_at=None, user__is_active=True).first()


def _note_use(token: ApiToken, at: datetime) -> None:
    """Write down that the token is in use, once a minute at most."""
    before = at - USE_IS_NOTED_EVERY
    if token.last_used_at is None or token.last_used_at < before:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=before)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=at)


def require_scope(request: ApiRequest, scope: Scope) -> None:
    """Let tokens of this scope or a wider one pass.

    Raises:
        NotAllowed: the token may do less.
    """
    if REACH[Scope(request.token.scope)] < REACH[scope]:
        raise NotAllowed(f"This token has the scope “{request.token.scope}”; this call needs “{scope.value}”.")


def require_administrator(request: ApiRequest) -> None:
    """Let administrators with an admin token pass.

    Raises:
        NotAllowed: the person or the token may do less.
    """
    if not request.user.is_administrator:
        raise NotAllowed("Only an administrator may do this.")
    require_scope(request, Scope.ADMIN)


def require_manager(request: ApiRequest, team: Team) -> None:
    """Let the team's managers pass with a write token, administrators with an admin token.

    Raises:
        NotAllowed: the person does not manage the team, or the token may do less.
    """
    require_scope(request, Scope.WRITE)
    if request.user.is_administrator and request.token.scope == Scope.ADMIN:
        return
    if not request.user.memberships.filter(team=team, is_manager=True).exists():
        if request.user.is_administrator:
            require_scope(request, Scope.ADMIN)
        raise NotAllowed(f"Only a manager of {team} or an administrator may do this.")


def is_themselves_or_administrator(request: ApiRequest, person: User) -> bool:
    """Tell whether this is the person's own affair, or an administrator with an admin token asks."""
    return request.user == person or (request.user.is_administrator and request.token.scope == Scope.ADMIN)


def incident_to_act_on(request: ApiRequest, number: int) -> Incident:
    """The incident for a deed.

    Raises:
        Incident.DoesNotExist: there is none, or none that this person may see.
        NotAllowed: the person only reads, or the token does.
    """
    require_scope(request, Scope.WRITE)
    return visibility.incident_to_act_on(request.user, number)
