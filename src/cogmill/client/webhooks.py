"""Outgoing webhooks of an organization, or of the whole enterprise."""

from typing import Any
from urllib.parse import quote

from cogmill.client.http import Http
from cogmill.client.models import Delivery, NewWebhook, Page, Webhook
from cogmill.client.reading import given, read


class Webhooks:
    """Those of one organization; without one, those that hear of the whole enterprise."""

    def __init__(self, http: Http, org_id: str | None) -> None:
        self._http = http
        where = "enterprise" if org_id is None else f"organizations/{quote(org_id, safe='')}"
        self._base = f"/cogmill/v1/{where}/webhooks"

    def list_(self) -> Page[Webhook]:
        """All of them: there may be no more than fit on a page."""
        return read(Page[Webhook], self._http.json("GET", self._base))

    def create(self, url: str, event_types: list[str], description: str | None) -> NewWebhook:
        body = given({"url": url, "event_types": event_types, "description": description})
        return read(NewWebhook, self._http.json("POST", self._base, json=body))

    def delete(self, webhook_id: str) -> Webhook:
        return read(Webhook, self._http.json("DELETE", self._path(webhook_id)))

    def ping(self, webhook_id: str) -> Delivery:
        return read(Delivery, self._http.json("POST", f"{self._path(webhook_id)}/ping"))

    def deliveries(self, webhook_id: str, state: str | None, most: int) -> Page[Delivery]:
        """The latest ones."""
        query: dict[str, Any] = given({"state": state, "first": most})
        return read(Page[Delivery], self._http.json("GET", f"{self._path(webhook_id)}/deliveries", params=query))

    def replay(self, webhook_id: str, delivery_id: str) -> Delivery:
        path = f"{self._path(webhook_id)}/deliveries/{quote(delivery_id, safe='')}/replay"
        return read(Delivery, self._http.json("POST", path))

    def _path(self, webhook_id: str) -> str:
        return f"{self._base}/{quote(webhook_id, safe='')}"
