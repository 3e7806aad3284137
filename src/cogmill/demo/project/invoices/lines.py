"""One line of an invoice: what was sold, how much of it, at which price and tax rate."""

from dataclasses import dataclass
from decimal import Decimal

from invoices.money import Amount, amount, percent, to_cents


@dataclass(frozen=True)
class Line:
    text: str
    price: Amount
    quantity: Amount = 1
    vat: Amount = 19
    discount: Amount = 0

    def __post_init__(self) -> None:
        if amount(self.quantity) <= 0:
            raise ValueError(f"quantity of {self.text!r} must be more than nothing")
        if not 0 <= amount(self.discount) <= 100:
            raise ValueError(f"discount of {self.text!r} must lie between 0 and 100 percent")

    @property
    def net(self) -> Decimal:
        """Price without tax, discount taken off."""
        full = amount(self.price) * amount(self.quantity)
        return to_cents(full - full * percent(self.discount))
