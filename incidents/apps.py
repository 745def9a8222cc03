"""The app's start: its due sources."""

from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    """The ground floor."""

    name = "incidents"

    def ready(self) -> None:
        """Register the sources in the order of a round: what comes in before what waits."""
        from incidents import assigning, breaches, clocks, dead_man, deciding, due, moves, watching
        from incidents.intake import missing, processing, releasing

        moves.register_hook(watching.on_move)
        due.register(missing.source())
        due.register(processing.source())
        due.register(releasing.source())
        due.register(due.Source("clocks", breaches.breach_due, clocks.running_out, "due_at"))
        due.register(due.Source("task_boxes", assigning.prompt_due, assigning.waiting, "due_at"))
        due.register(due.Source("questions", deciding.prompt_due, deciding.waiting, "objections_until"))
        due.register(due.Source("watches", watching.tell_due, watching.waiting, "due_at"))
        due.register(due.Source("dead_man", dead_man.ring_due, dead_man.waiting, ""))
