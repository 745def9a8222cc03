"""An HTTP server of a test's own: it keeps what it is asked and answers as it is told, late, wrongly or not at all."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl


@dataclass
class Asked:
    """One request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self):
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def forms(self):
        return parse_qsl(self.body.decode(), keep_blank_values=True)

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Answer:
    """What to say. ``silence`` are seconds before the answer; ``hang_up`` closes the line without one."""

    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    silence: float = 0
    hang_up: bool = False


class Provider:
    """A server on a port of its own. ``answers`` are given one after the other, then ``usual`` for ever."""

    def __init__(self, usual=None):
        self.asked, self.answers, self.usual = [], [], usual or (lambda asked: Answer())
        self._done = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self):
        self._done.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, asked):
        self.asked.append(asked)
        answer = self.answers.pop(0) if self.answers else self.usual(asked)
        self._done.wait(answer.silence)
        return answer

    def _handler(provider):  # noqa: N805 (the handler needs the name self)
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(length))
                answer = provider._answer(asked)
                if answer.hang_up:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_PUT = do_POST  # noqa: N815 (the library's names)

            def log_message(self, *args):
                pass

        return Handler
