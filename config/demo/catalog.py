"""What Larkfield runs, and the doors for its alerts."""

from dataclasses import dataclass, field

from incidents import runbooks
from incidents.models import Component, Integration, IntegrationKind, Service, Team

HEALS = "Outside probes"  # the one door that may end an incident; elsewhere people look first


@dataclass(frozen=True)
class ServicePlan:
    """A service with its components and integrations (kind, name)."""

    slug: str
    name: str
    team: str
    description: str
    components: tuple[str, ...]
    doors: tuple[tuple[str, str], ...]
    revenue_path: bool = False
    core: bool = False
    mapping: dict[str, str] = field(default_factory=dict)


SERVICES = (
    ServicePlan(
        "checkout-api",
        "Checkout API",
        "payments",
        "Takes the order and the payment. When it stops, nobody buys.",
        ("Payment page", "Card capture", "Order API"),
        ((IntegrationKind.ALERTMANAGER, "Prometheus of Payments"),),
        revenue_path=True,
        core=True,
    ),
    ServicePlan(
        "refunds",
        "Refunds",
        "payments",
        "Sends money back, one by one during the day and in a batch at night.",
        ("Refund API", "Night batch"),
        ((IntegrationKind.GENERIC, "Batch runner"),),
        mapping={
            "summary": "job.message",
            "severity": "job.level",
            "dedup_key": "job.id",
            "status": "job.state",
        },
    ),
    ServicePlan(
        "ledger-db",
        "Ledger database",
        "platform",
        "The books: each order, payment and refund is a row here first.",
        ("Primary", "Replica", "Connection pool"),
        ((IntegrationKind.ALERTMANAGER, "Prometheus of Platform"),),
        core=True,
    ),
    ServicePlan(
        "search",
        "Product search",
        "search",
        "Finds products and suggests words while people type.",
        ("Query API", "Index builder", "Suggestions"),
        ((IntegrationKind.GENERIC, "Search probes"),),
        mapping={"summary": "check.title", "severity": "check.level", "dedup_key": "check.name", "status": "state"},
    ),
    ServicePlan(
        "notifications",
        "Notifications",
        "platform",
        "Order confirmations, parcel news, sign-in codes: by e-mail and by SMS.",
        ("E-mail", "SMS"),
        ((IntegrationKind.PAGERDUTY, "Queue monitor"),),
    ),
    ServicePlan(
        "web-shop",
        "Web shop",
        "search",
        "The pages that visitors see: home, products, basket, account.",
        ("Home page", "Product pages", "Basket", "Customer account"),
        ((IntegrationKind.PAGERDUTY, "Outside probes"), (IntegrationKind.ALERTMANAGER, "Prometheus of the web shop")),
        core=True,
    ),
)


RUNBOOKS = {
    "ledger-db": (
        "The primary refuses writes",
        """\
The primary waits for its standby. When the standby does not answer, every write waits with it.

## Look

- [ ] Does the standby answer? `ping ledger-standby` from the primary
- [ ] How old is the last write that it has confirmed?
- [ ] Does the link between the zones lose large packets?

## Act

- [ ] Stop waiting for the standby: `ledgerctl sync off`
- [ ] Watch the queue of writes for **two minutes**
- [ ] Tell Payments that a failover would now lose data

Switch the waiting on again once the standby has caught up.
""",
    ),
    "checkout-api": (
        "Payments fail after a release",
        """\
- [ ] Compare the time of the release with the first failed payment
- [ ] Roll back to the build before
- [ ] Try one payment of your own from outside
""",
    ),
}


def build(teams: dict[str, Team]) -> tuple[dict[str, Service], dict[str, list[Integration]]]:
    """Make the services with their parts; returns them, and the doors of each, by the service's slug.

    The keys are random, as everywhere: a demo may stand where strangers reach it.
    """
    services: dict[str, Service] = {}
    doors: dict[str, list[Integration]] = {}
    for plan in SERVICES:
        service = Service.objects.create(
            slug=plan.slug,
            name=plan.name,
            team=teams[plan.team],
            description=plan.description,
            revenue_path=plan.revenue_path,
            core=plan.core,
        )
        services[plan.slug] = service
        Component.objects.bulk_create(Component(service=service, name=name) for name in plan.components)
        if plan.slug in RUNBOOKS:
            title, text = RUNBOOKS[plan.slug]
            runbooks.write(service=service, title=title, text=text)
        doors[plan.slug] = [
            Integration.objects.create(
                service=service, kind=kind, name=name, mapping=plan.mapping, auto_resolve=name == HEALS
            )
            for kind, name in plan.doors
        ]
    return services, doors
