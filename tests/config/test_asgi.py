import asyncio

import pytest

from config.asgi import Streams, _cleaned, _way, streams, threads
from incidents.intake import accept


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("/v2/enqueue", accept.application),
        ("/v2/change/enqueue", accept.application),
        ("/integrations/abc/alertmanager", accept.application),
        ("/incidents/12/stream", streams),
        ("/stream", streams),
        ("/", threads),
        ("/v2/enqueue/more", threads),
        ("/incidents/12/", threads),
        ("/healthz", threads),
    ],
)
def test_each_path_goes_its_way(path, way):
    assert _way(path) is way


def test_a_header_that_could_pose_as_another_is_dropped():
    scope = {"headers": [(b"x_forwarded_proto", b"https"), (b"x-forwarded-for", b"10.0.0.1")]}

    assert _cleaned(scope)["headers"] == [(b"x-forwarded-for", b"10.0.0.1")]


async def endless(scope, receive, send):
    """Stream until the browser leaves, as Django does."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
    event = await receive()
    while event["type"] != "http.disconnect":
        event = await receive()


def test_at_the_stop_every_stream_ends_with_a_last_empty_piece():
    async def stop_while_one_streams():
        sent, never = [], asyncio.Event()
        streams = Streams(endless)

        async def receive():
            await never.wait()

        async def send(event):
            sent.append(event)

        stream = asyncio.ensure_future(streams({"type": "http"}, receive, send))
        while len(sent) < 2:
            await asyncio.sleep(0)
        streams.close()
        await asyncio.wait_for(stream, timeout=2)
        return sent

    assert asyncio.run(stop_while_one_streams())[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


def test_a_browser_that_leaves_ends_its_stream_and_is_sent_nothing_more():
    async def leave():
        sent = []

        async def receive():
            return {"type": "http.disconnect"}

        async def send(event):
            sent.append(event)

        await asyncio.wait_for(Streams(endless)({"type": "http"}, receive, send), timeout=2)
        return sent

    assert len(asyncio.run(leave())) == 2
