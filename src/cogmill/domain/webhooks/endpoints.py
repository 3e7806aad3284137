"""Handlers of webhooks, for organizations and for the enterprise: the scope tells them apart."""

from cogmill.access.context import Context
from cogmill.domain.webhooks import deliveries, service
from cogmill.domain.webhooks.schemas import (
    DeliveryDetailsOut,
    DeliveryFilters,
    DeliveryOut,
    WebhookIn,
    WebhookOut,
    WebhookPatch,
    WebhookWithSecretOut,
)
from cogmill.web.params import Page, PageQuery, page_of


def list_(ctx: Context, query: PageQuery) -> Page[WebhookOut]:
    """Newest first."""
    return page_of(service.list_page(ctx, query))


def create(ctx: Context, body: WebhookIn) -> WebhookWithSecretOut:
    """From now on it hears of every event that it wants, signed as Standard Webhooks say."""
    return service.create(ctx, body)


def get(ctx: Context, webhook_id: str) -> WebhookOut:
    return service.get(ctx, webhook_id)


def update(ctx: Context, webhook_id: str, body: WebhookPatch) -> WebhookOut:
    """Enabling one that was switched off takes up the deliveries that wait."""
    return service.change(ctx, webhook_id, body)


def delete(ctx: Context, webhook_id: str) -> WebhookOut:
    return service.remove(ctx, webhook_id)


def rotate_secret(ctx: Context, webhook_id: str) -> WebhookWithSecretOut:
    """For a day messages carry signatures of both secrets."""
    return service.rotate(ctx, webhook_id)


def ping(ctx: Context, webhook_id: str) -> DeliveryOut:
    """Queues a test message of type webhook.ping."""
    return deliveries.ping(ctx, webhook_id)


def list_deliveries(ctx: Context, webhook_id: str, query: DeliveryFilters) -> Page[DeliveryOut]:
    """Newest first, each with its last attempt."""
    return page_of(deliveries.list_page(ctx, webhook_id, query))


def get_delivery(ctx: Context, webhook_id: str, delivery_id: str) -> DeliveryDetailsOut:
    return deliveries.get(ctx, webhook_id, delivery_id)


def replay(ctx: Context, webhook_id: str, delivery_id: str) -> DeliveryOut:
    """Sends it again, with the same id and body."""
    return deliveries.replay(ctx, webhook_id, delivery_id)
