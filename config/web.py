"""Serve the site: ``python -m config.web --port 8000``, or ``--fd 3`` with a socket that somebody else opened.

uvicorn, but for one thing: at the wish to stop it closes the open event streams first, which otherwise hold up each
stop and each deploy until the patience for them is over.
"""

import argparse
import socket

import uvicorn

from config.asgi import application, streams

PATIENCE = 3  # seconds that requests in flight have at a stop
KEEP_ALIVE = 65  # seconds; longer than the usual minute of proxies and senders, so that they close first


class Server(uvicorn.Server):
    """A uvicorn that ends its event streams before it waits for its connections."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the streams, then everything."""
        streams.close()
        await super().shutdown(sockets)


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="Serve the site.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--fd", type=int, help="a listening socket that was handed over")
    told = parser.parse_args()
    config = uvicorn.Config(
        application,
        host=told.host,
        port=told.port,
        log_config=None,  # Django's logging, which masks secrets
        log_level="warning",
        access_log=False,
        ws="none",
        lifespan="on",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=PATIENCE,
    )
    sockets = [socket.socket(fileno=told.fd)] if told.fd is not None else None
    Server(config).run(sockets=sockets)


if __name__ == "__main__":
    main()
