"""The app's start: its hook and its due sources."""

from django.apps import AppConfig


class OncallConfig(AppConfig):
    """Stands on ``incidents``; hears of each move inside its transaction."""

    name = "oncall"
    verbose_name = "On call"

    def ready(self) -> None:
        """Register the hook and the sources, in the order of a round: pages before messages."""
        from incidents import due, gauges, moves, mustering, people, pulse, routing
        from oncall import (
            canary,
            climbing,
            contacts,
            departures,
            escalation,
            foreign,
            forewarning,
            handoffs,
            notices,
            outcomes,
            paging,
            policies,
            snoozing,
            swapping,
            timeouts,
        )
        from oncall import gauges as own_gauges

        moves.register_hook(escalation.on_move)
        routing.register_policies(policies.names)
        people.register_departure(departures.depart)
        gauges.register(own_gauges.collect)
        pulse.register(canary.trouble)
        for source in (
            due.Source("announcements", escalation.begin_missing, escalation.without_run, "contract_started_at"),
            due.Source("escalations", climbing.fire_due, climbing.due_runs, "due_at"),
            due.Source("acknowledgements", timeouts.check_due, timeouts.unchecked, "check_at"),
            due.Source("snoozes", snoozing.wake_due, snoozing.asleep, "snoozed_until"),
            due.Source("musters", mustering.call_due, mustering.waiting, ""),
            due.Source("repeats", paging.repeat_due, paging.repeating, "repeat_at"),
            due.Source("departures", departures.fill_due, departures.waiting, ""),
            due.Source("shifts", handoffs.look_due, handoffs.waiting, ""),
            due.Source("daily shifts", handoffs.remind_due, handoffs.waiting_daily, "daily_due_at"),
            due.Source("swaps", swapping.expire_due, swapping.running_out, "expires_at"),
            due.Source("notices", notices.dispatch_due, notices.waiting, "due_at"),
            due.Source("coverage", forewarning.ring_due, forewarning.waiting, ""),
            due.Source("calendars", foreign.ring_due, foreign.waiting, ""),
            due.Source("expiries", outcomes.expire_due, outcomes.expired, ""),
            due.Source("contact methods", contacts.expire_due, contacts.expired, ""),
            due.Source("canaries", canary.send_due, canary.waiting, ""),
            due.Source("deliveries", paging.bells, paging.unsent, "not_before", always=True),
        ):
            due.register(source)
