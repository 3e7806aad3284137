"""Families of resources that commands treat alike: plain JSON in and out, as the API has it."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from cogmill.client.errors import BadInput
from cogmill.client.http import Http, Json
from cogmill.client.reading import given

Paging = Literal["cursor", "offset", "whole"]
PAGE = 200


class Resources:
    """One family at one address."""

    def __init__(self, http: Http, path: str, paging: Paging) -> None:
        self._http, self._path, self._paging = http, path, paging

    def page(self, first: int, after: str | None, filters: Mapping[str, Any]) -> Json:
        """One page as the API answers it. Where pages are counted, `after` is how many come before it."""
        query: dict[str, Any] = {"first": first, "after": after}
        if self._paging == "offset":
            query = {"limit": first, "offset": _count(after)}
        elif self._paging == "whole":
            query = {}
        answer: Json = self._http.json("GET", self._path, params=given({**query, **filters}))
        return answer

    def all_(self) -> Iterator[Json]:
        """Everything, page by page."""
        after = None
        while True:
            answer = self.page(PAGE, after, {})
            yield from items(answer)
            after = self.next_(answer, after)
            if after is None:
                return

    def next_(self, answer: Json, after: str | None) -> str | None:
        """What `after` is for the page that follows; None: there is none."""
        if not answer.get("has_next_page"):
            return None
        if self._paging == "offset":
            return str(_count(after) + len(items(answer)))
        return answer.get("end_cursor")

    def one(self, named: str, id_field: str, name_field: str) -> Json:
        """The one of this id or name."""
        found = [one for one in self.all_() if named in {one.get(id_field), one.get(name_field)}]
        exact = [one for one in found if one.get(id_field) == named] or found
        if len(exact) != 1:
            several = ", ".join(str(one.get(id_field)) for one in exact[:5])
            what = f"Several are called {named!r}: {several}." if exact else f"There is none called {named!r}."
            raise BadInput(what, hint="The list shows ids, which are always clear.")
        return exact[0]

    def get(self, id_: str) -> Json:
        answer: Json = self._http.json("GET", self._of(id_))
        return answer

    def create(self, body: Json) -> Json:
        answer: Json = self._http.json("POST", self._path, json=body)
        return answer

    def change(self, method: str, id_: str, body: Json) -> Json:
        answer: Json = self._http.json(method, self._of(id_), json=body)
        return answer

    def delete(self, id_: str) -> Json | None:
        """What was deleted; None where the API answers nothing."""
        answer: Json | None = self._http.json_or_nothing("DELETE", self._of(id_))
        return answer

    def do(self, id_: str, action: str, method: str = "POST") -> Json:
        """An action on one of them."""
        request: dict[str, Any] = {"json": {}} if method == "POST" else {}
        answer: Json = self._http.json(method, f"{self._of(id_)}/{action}", **request)
        return answer

    def linked(self, id_: str, what: str) -> str:
        """A text that the API gives by a signed link."""
        link = urlsplit(self.do(id_, what, "GET")["url"])
        return self._http.download(f"{link.path}?{link.query}").decode("utf-8", "replace")

    def _of(self, id_: str) -> str:
        return f"{self._path}/{quote(id_, safe='')}"


def items(answer: Json) -> list[Json]:
    """What a list holds: most are called items, those of blueprints data."""
    found: list[Json] = answer["items"] if "items" in answer else answer["data"]
    return found


def _count(after: str | None) -> int:
    if after is not None and not after.isdecimal():
        raise BadInput(f"{after!r} is no place in this list.", hint="--after is a number here: how many come before.")
    return int(after or 0)
