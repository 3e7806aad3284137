import unittest
from datetime import date
from decimal import Decimal

from invoices import Invoice, Line


def invoice(*lines):
    return Invoice("2026-017", date(2026, 1, 12), "Kranz & Co", list(lines))


class InvoiceTest(unittest.TestCase):
    def test_sums_lines_with_discount(self):
        one = invoice(Line("Desk", "420.00"), Line("Chair", "99.90", quantity=4, discount=10))
        self.assertEqual(one.net, Decimal("779.64"))

    def test_tax_is_computed_for_each_rate(self):
        one = invoice(Line("Desk", "420.00"), Line("Book", "30.00", vat=7), Line("Lamp", "80.00"))
        self.assertEqual(one.tax_by_rate, {Decimal(7): Decimal("2.10"), Decimal(19): Decimal("95.00")})
        self.assertEqual(one.total, Decimal("627.10"))

    def test_half_a_cent_of_tax_is_rounded_up(self):
        one = invoice(Line("Notebook", "3.35", quantity=10, vat=7))
        self.assertEqual(one.tax, Decimal("2.35"))

    def test_is_due_after_two_weeks(self):
        self.assertEqual(invoice().due, date(2026, 1, 26))


if __name__ == "__main__":
    unittest.main()
