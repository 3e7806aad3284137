"""An invoice as plain text for mails."""

from invoices.invoice import Invoice
from invoices.money import show

WIDTH = 48


def render(invoice: Invoice) -> str:
    rows = [f"Invoice {invoice.number}", f"For {invoice.customer}", "-" * WIDTH]
    rows += [_row(f"{line.quantity} x {line.text}", show(line.net)) for line in invoice.lines]
    rows += ["-" * WIDTH, _row("Net", show(invoice.net))]
    rows += [_row(f"VAT {rate}%", show(tax)) for rate, tax in invoice.tax_by_rate.items()]
    rows += [_row("Total", show(invoice.total)), f"Please pay by {invoice.due:%d %B %Y}."]
    return "\n".join(rows)


def _row(label: str, value: str) -> str:
    return f"{label:<{WIDTH - len(value) - 1}} {value}"
