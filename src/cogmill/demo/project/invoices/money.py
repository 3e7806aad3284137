"""Amounts of money: exact decimals, rounded to cents."""

from decimal import Decimal

Amount = Decimal | int | str


def amount(value: Amount) -> Decimal:
    """An exact decimal; floats are refused because they are not exact."""
    if isinstance(value, float):
        raise TypeError("write amounts as text or Decimal, not as float")
    return Decimal(value)


def to_cents(value: Decimal) -> Decimal:
    """Round to whole cents."""
    return round(value, 2)


def percent(rate: Amount) -> Decimal:
    """19 becomes 0.19."""
    return amount(rate) / 100


def show(value: Decimal, currency: str = "EUR") -> str:
    """1234.5 becomes '1,234.50 EUR'."""
    return f"{to_cents(value):,.2f} {currency}"
