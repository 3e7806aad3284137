"""Plain web pages: static files that speak the public API only. A server hands them out; see `files`."""

from cogmill.console.files import ASSETS, CONTENT_SECURITY_POLICY, PAGES, Asset, asset, page

__all__ = ["ASSETS", "CONTENT_SECURITY_POLICY", "PAGES", "Asset", "asset", "page"]
