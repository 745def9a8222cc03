"""A real worker and a real beat over the test's database and broker, and no other loop."""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 15  # seconds


@contextmanager
def running(words, **environment):
    """Run a program of the house until the block ends; its output goes to a file that a failure may show."""
    told = {**os.environ, "TOCSIN_TESTING": "1", **environment}
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=told, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            print(Path(log.name).read_text()[-4000:])  # pytest shows it when the test fails


@contextmanager
def running_engine(database_url, broker_url, *, beat=True, **environment):
    """A worker on all queues and, unless told otherwise, a beat; the doorbell rings."""
    told = {
        "DATABASE_URL": database_url,
        "CELERY_BROKER_URL": broker_url,
        "DATABASE_POOL": "0",
        "SANDBOX": "1",
        "DOORBELL": "1",
    }
    worker = "-m celery -A config worker -P threads -c 4 -l WARNING -Q engine,delivery,bulk"
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stack.enter_context(running([*worker.split(), "--without-gossip", "--without-mingle"], **told, **environment))
        if beat:
            words = f"-m celery -A config beat -s {folder}/beat -l WARNING"
            stack.enter_context(running(words.split(), **told, **environment))
        yield
