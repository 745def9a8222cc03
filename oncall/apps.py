"""The app's start: its hook and its due sources."""

from django.apps import AppConfig


class OncallConfig(AppConfig):
    """Stands on ``incidents``; hears of each move inside its transaction."""

    name = "oncall"

    def ready(self) -> None:
        """Register the hook and the sources, in the order of a round: pages before messages."""
        from incidents import due, moves
        from oncall import climbing, escalation, notices, paging, sending

        moves.register_hook(escalation.on_move)
        for source in (
            due.Source("announcements", escalation.begin_missing, escalation.oldest_missing),
            due.Source("escalations", climbing.fire_due, climbing.oldest_due),
            due.Source("repeats", paging.repeat_due, paging.oldest_repeat),
            due.Source("notices", notices.dispatch_due, notices.oldest_due),
            due.Source("expiries", sending.expire_due, sending.oldest_expired),
            due.Source("deliveries", paging.bells, paging.oldest_waiting),
        ):
            due.register(source)
