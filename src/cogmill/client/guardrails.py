"""Guardrails and their violations: what administrators do with an enterprise key."""

from typing import Any
from urllib.parse import quote

from cogmill.client.http import Http
from cogmill.client.models import Guardrail, GuardrailViolation, Page
from cogmill.client.reading import every, given, read, the_one

RULES = "/cogmill/v1/enterprise/guardrails"
VIOLATIONS = "/v3beta1/enterprise/guardrail-violations"
OF_ORGANIZATION = "/v3beta1/enterprise/organizations/{}/guardrail-violations"


class Guardrails:
    """Those of the enterprise of the caller's key."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def list_(self, org_id: str | None = None) -> list[Guardrail]:
        return every(self._http, RULES, Guardrail, {"org_id": org_id})

    def find(self, named: str) -> Guardrail:
        """The guardrail of this id or name."""
        hint = "`cogmill guardrails list` shows them."
        return the_one(self.list_(), ("guardrail_id", "name"), named, "guardrail", hint)

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
