"""Three trackers behind one small contract: make an issue, look at it, find it by its mark. No database here."""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

TIMEOUT = httpx.Timeout(10, connect=5)
LONGEST = 20.0  # seconds for one answer, however slowly it comes
LARGEST = 1_000_000  # bytes of an answer


class TrackerError(Exception):
    """It did not work; the words are fit for people and hold no secret. ``permanent``: another try is no use."""

    def __init__(self, words: str, *, permanent: bool = False) -> None:
        super().__init__(words)
        self.permanent = permanent


@dataclass(frozen=True)
class Found:
    """An issue as the tracker tells of it."""

    key: str
    url: str
    is_closed: bool


@dataclass(frozen=True, repr=False)
class Place:
    """Where to go and as whom; it is never printed."""

    name: str
    base_url: str
    project: str
    account: str
    token: str

    def ask(self, method: str, path: str, headers: dict[str, str], **more: Any) -> Any:
        """One request; returns what the JSON of a 2xx answer says.

        Raises:
            TrackerError: anything else.
        """
        url = f"{self.base_url.rstrip('/')}{path}"
        auth = httpx.BasicAuth(self.account, self.token) if self.account else None
        try:
            with (
                httpx.Client(timeout=TIMEOUT, follow_redirects=False) as client,
                client.stream(method, url, headers=headers, auth=auth, **more) as answer,
            ):
                self._judge(answer.status_code)
                return httpx.Response(200, content=self._read(answer)).json()
        except httpx.TimeoutException:
            raise TrackerError(f"{self.name} did not answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            raise TrackerError(f"{self.name} could not be reached") from None
        except ValueError:
            raise TrackerError(f"{self.name} answered with something that is no JSON") from None

    def _judge(self, status: int) -> None:
        if 200 <= status < 300:
            return
        words = {401: "does not know the token", 403: "does not allow it", 404: "knows no such project or issue"}
        permanent = 400 <= status < 500 and status not in (408, 409, 425, 429)
        raise TrackerError(f"{self.name} {words.get(status, 'refused it')} ({status})", permanent=permanent)

    def _read(self, answer: httpx.Response) -> bytes:
        body, began = bytearray(), time.monotonic()
        for part in answer.iter_bytes():
            body += part
            if len(body) > LARGEST or time.monotonic() - began > LONGEST:
                raise TrackerError(f"{self.name} did not end its answer")
        return bytes(body)


def _found(place: Place, key: object, url: object, *, is_closed: bool) -> Found:
    """What an answer said, if it makes sense: an address of another kind than http(s) is left out."""
    name, address = str(key)[:60], str(url or "")[:500]
    if not key or isinstance(key, dict | list):
        raise TrackerError(f"{place.name} answered without the number of the issue")
    return Found(name, address if urlsplit(address).scheme in ("http", "https") else "", is_closed)


class Github:
    """REST, version 2022-11-28."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.path = f"/repos/{quote(place.project)}/issues"
        self.headers = {"Authorization": f"Bearer {place.token}", "Accept": "application/vnd.github+json"}

    def make(self, title: str, body: str) -> Found:
        """Make an issue."""
        return self._tell(self.place.ask("POST", self.path, self.headers, json={"title": title, "body": body}))

    def look(self, key: str) -> Found:
        """How it stands."""
        return self._tell(self.place.ask("GET", f"{self.path}/{quote(key)}", self.headers))

    def find(self, mark: str) -> Found | None:
        """The issue whose text holds the mark, among the newest."""
        rows = self.place.ask("GET", self.path, self.headers, params={"state": "all", "per_page": "50"})
        known = [row for row in rows if isinstance(row, dict) and mark in str(row.get("body"))]
        return self._tell(known[0]) if known else None

    def _tell(self, said: Any) -> Found:
        said = said if isinstance(said, dict) else {}
        return _found(self.place, said.get("number"), said.get("html_url"), is_closed=said.get("state") == "closed")


class Gitlab:
    """REST, version 4."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.path = f"/api/v4/projects/{quote(place.project, safe='')}/issues"
        self.headers = {"PRIVATE-TOKEN": place.token}

    def make(self, title: str, body: str) -> Found:
        """Make an issue."""
        return self._tell(self.place.ask("POST", self.path, self.headers, json={"title": title, "description": body}))

    def look(self, key: str) -> Found:
        """How it stands."""
        return self._tell(self.place.ask("GET", f"{self.path}/{quote(key)}", self.headers))

    def find(self, mark: str) -> Found | None:
        """The issue whose text holds the mark."""
        rows = self.place.ask("GET", self.path, self.headers, params={"search": mark, "in": "description"})
        known = [row for row in rows if isinstance(row, dict) and mark in str(row.get("description"))]
        return self._tell(known[0]) if known else None

    def _tell(self, said: Any) -> Found:
        said = said if isinstance(said, dict) else {}
        return _found(self.place, said.get("iid"), said.get("web_url"), is_closed=said.get("state") == "closed")


class Jira:
    """REST, version 2: of a server by token, of the cloud by e-mail and token."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.headers = {} if place.account else {"Authorization": f"Bearer {place.token}"}

    def make(self, title: str, body: str) -> Found:
        """Make a task."""
        project, kind = {"key": self.place.project}, {"name": "Task"}
        fields = {"project": project, "issuetype": kind, "summary": title[:250], "description": body}
        return self._tell(self.place.ask("POST", "/rest/api/2/issue", self.headers, json={"fields": fields}))

    def look(self, key: str) -> Found:
        """How it stands."""
        path = f"/rest/api/2/issue/{quote(key)}"
        return self._tell(self.place.ask("GET", path, self.headers, params={"fields": "status"}))

    def find(self, mark: str) -> Found | None:
        """The issue whose text holds the mark."""
        query = {"jql": f'project = "{self.place.project}" AND text ~ "\\"{mark}\\""', "fields": "status"}
        said = self.place.ask("GET", "/rest/api/2/search", self.headers, params=query)
        rows = said.get("issues") if isinstance(said, dict) else None
        return self._tell(rows[0]) if isinstance(rows, list) and rows else None

    def _tell(self, said: Any) -> Found:
        said = said if isinstance(said, dict) else {}
        key, level = said.get("key"), said.get("fields")
        for name in ("status", "statusCategory", "key"):
            level = level.get(name) if isinstance(level, dict) else None
        url = f"{self.place.base_url.rstrip('/')}/browse/{key}"
        return _found(self.place, key, url, is_closed=level == "done")


ADAPTERS: dict[str, type[Github | Gitlab | Jira]] = {"github": Github, "gitlab": Gitlab, "jira": Jira}
