"""What the tests of the form of a schedule share: its address, and rows as its script would add them."""

from oncall.models import Schedule
from tests.admin_site import url


def address(schedule):
    return url(Schedule, "change", schedule.pk)


def put(data, layer, kind, *rows):
    """Write rows of a layer's people or windows as its “add” button would."""
    prefix = f"layers-{layer}-{kind}"
    for row in rows:
        total = int(data.get(f"{prefix}-TOTAL_FORMS", 0))
        data[f"{prefix}-TOTAL_FORMS"] = str(total + 1)
        data.setdefault(f"{prefix}-INITIAL_FORMS", "0")
        data |= {f"{prefix}-{total}-{name}": value for name, value in row.items()}
