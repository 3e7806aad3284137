"""Limits of a cycle: what administrators do with an enterprise key."""

from urllib.parse import quote

from cogmill.client.http import Http
from cogmill.client.models import AcuLimit, OrgGroup, OrgGroups
from cogmill.client.reading import every, read

STANDINGS = "/cogmill/v1/enterprise/acu-limits"
ENTERPRISE = "/cogmill/v1/enterprise/acu-limit"
OF_USER = "/cogmill/v1/enterprise/members/users/{}/acu-limit"
GROUPS = "/v3/enterprise/org-group-limits"
OF_ORGANIZATION = "/v3/enterprise/consumption/acu-limits/devin/organizations/{}"


class AcuLimits:
    """Those of the enterprise of the caller's key."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def list_(self) -> list[AcuLimit]:
        return every(self._http, STANDINGS, AcuLimit)

    def groups(self) -> dict[str, OrgGroup]:
        """Groups of organizations that share a limit, by name."""
        return read(OrgGroups, self._http.json("GET", GROUPS)).groups

    def replace_groups(self, groups: dict[str, OrgGroup]) -> dict[str, OrgGroup]:
        """Make the groups just these; answers them as they are then."""
        body = {"groups": {name: one.raw() for name, one in groups.items()}}
        return read(OrgGroups, self._http.json("PUT", GROUPS, json=body)).groups

    def change(self, limit: int | None, org_id: str | None, user_id: str | None) -> None:
        """Of an organization, of a user, or, where neither is named, of the enterprise. None clears it."""
        path = ENTERPRISE
        if org_id is not None:
            path = OF_ORGANIZATION.format(quote(org_id, safe=""))
        elif user_id is not None:
            path = OF_USER.format(quote(user_id, safe=""))
        if limit is None:
            self._http.send("DELETE", path)
        else:
            self._http.send("PUT", path, json={"cycle_acu_limit": limit})
