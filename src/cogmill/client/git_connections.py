"""Connections to git providers: what administrators do with an enterprise key."""

from typing import Any
from urllib.parse import quote

from cogmill.client.errors import BadInput
from cogmill.client.http import Http
from cogmill.client.models import GitCheck, GitConnection, NewGitConnection, Page
from cogmill.client.reading import given, read

LIST = "/v3/enterprise/git-providers/connections"
OURS = "/cogmill/v1/enterprise/git-connections"


class GitConnections:
    """Those of the enterprise of the caller's key."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def list_(self) -> list[GitConnection]:
        found: list[GitConnection] = []
        after = None
        while True:
            page = read(Page[GitConnection], self._http.json("GET", LIST, params=given({"after": after})))
            found += page.items
            after = page.end_cursor
            if not page.has_next_page or after is None:
                return found

    def find(self, named: str) -> GitConnection:
        """The connection of this id, name or host."""
        every = self.list_()
        for field in ("git_connection_id", "name", "host"):
            found = [one for one in every if getattr(one, field) == named]
            if len(found) == 1:
                return found[0]
            if found:
                raise BadInput(f"Several connections have the {field} {named!r}.", hint="Name it by its id.")
        raise BadInput(f"There is no git connection {named!r}.", hint="`cogmill git-connections list` shows them.")

    def create(self, body: dict[str, Any]) -> NewGitConnection:
        return read(NewGitConnection, self._http.json("POST", OURS, json=given(body)))

    def check(self, connection_id: str) -> GitCheck:
        """Whether the provider takes the credentials."""
        return read(GitCheck, self._http.json("GET", f"{OURS}/{quote(connection_id, safe='')}/check"))

    def remove(self, connection_id: str) -> GitConnection:
        return read(GitConnection, self._http.json("DELETE", f"{OURS}/{quote(connection_id, safe='')}"))
