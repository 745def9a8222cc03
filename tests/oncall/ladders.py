"""Steps of the tests about ladders: a policy of the chain's own, and who is asked now."""

from datetime import timedelta

from incidents.models import Severity
from oncall.models import Page
from tests.factories import EscalationLevelFactory, EscalationPolicyFactory, EscalationTargetFactory


def policy_of(chain, *levels, severity=2, **fields):
    """A policy of the chain's service; each level is (minutes, people or targets, options)."""
    severity = Severity.objects.get(level=severity)
    policy = EscalationPolicyFactory(service=chain.service, severity=severity, **fields)
    for position, (minutes, people, options) in enumerate(levels, start=1):
        options = {"position": position} | options
        level = EscalationLevelFactory(policy=policy, after=timedelta(minutes=minutes), **options)
        for person in people:
            EscalationTargetFactory(level=level, kind="user", user=person)
    return policy


def waiting(incident):
    """The people whose page still wants an answer."""
    rows = Page.objects.filter(incident=incident, act="page", ended_at=None, acknowledged_at=None)
    return sorted(rows.values_list("person__name", flat=True))
