"""Connections to git providers: what administrators do with an enterprise key."""

from typing import Any
from urllib.parse import quote

from cogmill.client.http import Http
from cogmill.client.models import GitCheck, GitConnection, NewGitConnection
from cogmill.client.reading import every, given, read, the_one

LIST = "/v3/enterprise/git-providers/connections"
OURS = "/cogmill/v1/enterprise/git-connections"


class GitConnections:
    """Those of the enterprise of the caller's key."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def list_(self) -> list[GitConnection]:
        return every(self._http, LIST, GitConnection)

    def find(self, named: str) -> GitConnection:
        """The connection of this id, name or host."""
        hint = "`cogmill git-connections list` shows them."
        return the_one(self.list_(), ("git_connection_id", "name", "host"), named, "git connection", hint)

    def create(self, body: dict[str, Any]) -> NewGitConnection:
        return read(NewGitConnection, self._http.json("POST", OURS, json=given(body)))

    def check(self, connection_id: str) -> GitCheck:
        """Whether the provider takes the credentials."""
        return read(GitCheck, self._http.json("GET", f"{OURS}/{quote(connection_id, safe='')}/check"))

    def remove(self, connection_id: str) -> GitConnection:
        return read(GitConnection, self._http.json("DELETE", f"{OURS}/{quote(connection_id, safe='')}"))
