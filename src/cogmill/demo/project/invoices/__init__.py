"""Invoices with value added tax."""

from invoices.invoice import Invoice
from invoices.lines import Line

__all__ = ["Invoice", "Line"]
