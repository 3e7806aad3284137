"""The API document without a running server."""

from typing import Any

from fastapi import FastAPI

from cogmill.access.context import Runtime
from cogmill.access.principals import Authenticator
from cogmill.api.app import create_app
from cogmill.api.table import TABLE
from cogmill.kit.clock import system_clock
from cogmill.kit.crypto import Keyring
from cogmill.kit.db import open_database
from cogmill.kit.settings import Settings


def document() -> dict[str, Any]:
    """OpenAPI 3.1 as a JSON object; needs neither data folder nor keys."""
    keyring, database = Keyring(bytes(32)), open_database("sqlite://")
    runtime = Runtime(Settings(), database, keyring, Authenticator(database, keyring), system_clock)
    app: FastAPI = create_app(runtime, TABLE)
    return app.openapi()
