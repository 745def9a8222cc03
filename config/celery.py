"""The doorbell and the hands: Celery carries ids and rings; nothing that matters lives in a message."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from kombu import Exchange, Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("tocsin")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_default_queue="engine",
    task_queues=[Queue(name, Exchange(name), routing_key=name) for name in ("engine", "delivery", "bulk")],
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    worker_redirect_stdouts=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_connection_timeout=2,
    broker_transport_options={
        "visibility_timeout": 60,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
    },
    beat_schedule={"tick": {"task": "incidents.tasks.tick", "schedule": 1.0}},
)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_logging_as_it_is(**_: Any) -> None:
    """Stop Celery from adding handlers of its own, which would not mask secrets; Django's settings rule alone."""
