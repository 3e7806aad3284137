"""Roles and service users' keys: what administrators do with an enterprise key."""

from typing import Any
from urllib.parse import quote

from cogmill.client.errors import BadInput
from cogmill.client.http import Http, Json
from cogmill.client.models import ApiKey, NewApiKey, Page, Role, User
from cogmill.client.reading import every, given, read

ROLES = "/cogmill/v1/enterprise/roles"
PAGE = 200


class Administration:
    """The enterprise of the caller's key."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def roles(self) -> list[Role]:
        """All roles with what they hold."""
        return every(self._http, ROLES, Role, {"first": PAGE})

    def role(self, named: str, role_type: str | None = None) -> Role:
        """The role of this id or name; two may have one name, one of each type."""
        fitting = [one for one in self.roles() if role_type in {None, one.role_type}]
        found = [one for one in fitting if one.role_id == named] or [one for one in fitting if one.role_name == named]
        if len(found) == 1:
            return found[0]
        what = f"Several roles are called {named!r}." if found else f"There is no role {named!r}."
        raise BadInput(what, hint="`cogmill roles list` shows them; an id is always clear, a name with --type.")

    def create_role(self, name: str, role_type: str, permissions: list[str]) -> Role:
        body = {"name": name, "role_type": role_type, "permissions": permissions}
        return read(Role, self._http.json("POST", ROLES, json=body))

    def update_role(self, role_id: str, changes: Json) -> Role:
        return read(Role, self._http.json("PATCH", f"{ROLES}/{_quoted(role_id)}", json=changes))

    def delete_role(self, role_id: str) -> Role:
        return read(Role, self._http.json("DELETE", f"{ROLES}/{_quoted(role_id)}"))

    def keys(self, service_user_id: str, status: str) -> Page[ApiKey]:
        """The latest keys of a service user; the list has one page."""
        return read(Page[ApiKey], self._http.json("GET", _keys(service_user_id), params={"status": status}))

    def create_key(self, service_user_id: str, name: str, expires_at: int | None) -> NewApiKey:
        body = given({"name": name, "expires_at": expires_at})
        return read(NewApiKey, self._http.json("POST", _keys(service_user_id), json=body))

    def rotate_key(self, service_user_id: str, api_key_id: str, *, expires_at: int | None, keep_old: bool) -> NewApiKey:
        body: dict[str, Any] = given({"new_key_expires_at": expires_at}) | {"revoke_current": not keep_old}
        path = f"{_keys(service_user_id)}/{_quoted(api_key_id)}/rotate"
        return read(NewApiKey, self._http.json("POST", path, json=body))

    def revoke_key(self, service_user_id: str, api_key_id: str) -> ApiKey:
        return read(ApiKey, self._http.json("DELETE", f"{_keys(service_user_id)}/{_quoted(api_key_id)}"))

    def tokens(self, user: str | None, status: str) -> Page[ApiKey]:
        """Personal access tokens of a user, by id or e-mail address; None: of the caller."""
        return read(Page[ApiKey], self._http.json("GET", self._tokens(user), params={"status": status}))

    def create_token(self, user: str | None, name: str, expires_at: int | None) -> NewApiKey:
        body = given({"name": name, "expires_at": expires_at})
        return read(NewApiKey, self._http.json("POST", self._tokens(user), json=body))

    def revoke_token(self, user: str | None, api_key_id: str) -> ApiKey:
        return read(ApiKey, self._http.json("DELETE", f"{self._tokens(user)}/{_quoted(api_key_id)}"))

    def _tokens(self, user: str | None) -> str:
        if user is None:
            return "/cogmill/v1/self/tokens"
        return f"/cogmill/v1/enterprise/members/users/{_quoted(self._user_id(user))}/tokens"

    def _user_id(self, named: str) -> str:
        if "@" not in named:
            return named
        found = read(Page[User], self._http.json("GET", "/v3/enterprise/members/users", params={"email": named})).items
        if not found:
            raise BadInput(f"There is no user {named!r}.", hint="An administrator invites people.")
        return found[0].user_id


def _keys(service_user_id: str) -> str:
    return f"/v3beta1/enterprise/service-users/{_quoted(service_user_id)}/api-keys"


def _quoted(part: str) -> str:
    return quote(part, safe="")
