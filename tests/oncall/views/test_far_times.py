"""A time that lies in no year of ours is refused in words by every form that takes one."""

import pytest

from oncall.models import Leave, Override, Swap, TemporarySchedule

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("zone", ["mine", "schedule"])
@pytest.mark.parametrize("year", ["0001", "1969", "2200", "9999"])
@pytest.mark.parametrize("form", ["override", "swap", "temporary", "leave"])
def test_a_year_out_of_range_is_refused_in_words(client, chain, form, year, zone):
    client.force_login(chain.ada)
    path = "/on-call/leave/" if form == "leave" else f"/on-call/schedules/{chain.schedule.slug}/{form}/"
    said = {"kind": "add", "person": chain.lea.pk, "zone": zone, "reason": "x"}
    said |= {"start": f"{year}-01-01T00:00", "end": f"{year}-12-31T23:59"}

    answer = client.post(path, said)

    assert answer.status_code == 422
    assert "between the years 1970 and 2200" in answer.content.decode()
    assert not any(model.objects.exists() for model in (Override, Swap, TemporarySchedule, Leave))
