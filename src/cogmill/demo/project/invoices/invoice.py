"""A whole invoice: lines, tax by rate, totals."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from invoices.lines import Line
from invoices.money import amount, percent, to_cents


@dataclass
class Invoice:
    number: str
    issued: date
    customer: str
    lines: list[Line] = field(default_factory=list)
    days_to_pay: int = 14

    def add(self, line: Line) -> "Invoice":
        self.lines.append(line)
        return self

    @property
    def due(self) -> date:
        return self.issued + timedelta(days=self.days_to_pay)

    @property
    def net(self) -> Decimal:
        return sum((line.net for line in self.lines), Decimal(0))

    @property
    def tax_by_rate(self) -> dict[Decimal, Decimal]:
        """Tax for each rate, on the sum of its lines, lowest rate first."""
        sums: dict[Decimal, Decimal] = defaultdict(Decimal)
        for line in self.lines:
            sums[amount(line.vat)] += line.net
        return {rate: to_cents(sums[rate] * percent(rate)) for rate in sorted(sums)}

    @property
    def tax(self) -> Decimal:
        return sum(self.tax_by_rate.values(), Decimal(0))

    @property
    def total(self) -> Decimal:
        return self.net + self.tax
