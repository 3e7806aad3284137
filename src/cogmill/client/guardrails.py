"""Guardrails and their violations: what administrators do with an enterprise key."""

from typing import Any
from urllib.parse import quote

from cogmill.client.errors import BadInput
from cogmill.client.http import Http
from cogmill.client.models import Guardrail, GuardrailViolation, Page
from cogmill.client.reading import given, read

RULES = "/cogmill/v1/enterprise/guardrails"
VIOLATIONS = "/v3beta1/enterprise/guardrail-violations"
OF_ORGANIZATION = "/v3beta1/enterprise/organizations/{}/guardrail-violations"


class Guardrails:
    """Those of the enterprise of the caller's key."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def list_(self, org_id: str | None = None) -> list[Guardrail]:
        found: list[Guardrail] = []
        after = None
        while True:
            asked = given({"after": after, "org_id": org_id})
            page = read(Page[Guardrail], self._http.json("GET", RULES, params=asked))
            found += page.items
            after = page.end_cursor
            if not page.has_next_page or after is None:
                return found

    def find(self, named: str) -> Guardrail:
        """The guardrail of this id or name."""
        every = self.list_()
        for field in ("guardrail_id", "name"):
            found = [one for one in every if getattr(one, field) == named]
            if len(found) == 1:
                return found[0]
            if found:
                raise BadInput(f"Several guardrails are called {named!r}.", hint="Name it by its id.")
        raise BadInput(f"There is no guardrail {named!r}.", hint="`cogmill guardrails list` shows them.")

    def create(self, body: dict[str, Any]) -> Guardrail:
        return read(Guardrail, self._http.json("POST", RULES, json=given(body)))

    def change(self, guardrail_id: str, body: dict[str, Any]) -> Guardrail:
        return read(Guardrail, self._http.json("PATCH", f"{RULES}/{quote(guardrail_id, safe='')}", json=given(body)))

    def delete(self, guardrail_id: str) -> Guardrail:
        return read(Guardrail, self._http.json("DELETE", f"{RULES}/{quote(guardrail_id, safe='')}"))

    def violations(self, org_id: str | None, filters: dict[str, Any]) -> Page[GuardrailViolation]:
        """The newest ones."""
        path = VIOLATIONS if org_id is None else OF_ORGANIZATION.format(quote(org_id, safe=""))
        return read(Page[GuardrailViolation], self._http.json("GET", path, params=given(filters)))
