"""Tasks of the ground floor: they carry nothing but ids, may run any number of times, and do no harm."""

from celery import shared_task

from incidents import dead_man, due


@shared_task(acks_late=True, ignore_result=True)
def tick(*, rung: str = "") -> None:
    """Do what is due. Safe at any time, any number of times, beside itself."""
    due.tick(rung=bool(rung), ring=due.send)


@shared_task(acks_late=True, ignore_result=True)
def ask_dead_man() -> None:
    """Ask the dead man's address while the engine is well. Once more does no harm."""
    dead_man.ask()
