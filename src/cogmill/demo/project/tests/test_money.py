import unittest
from decimal import Decimal

from invoices.money import amount, show, to_cents


class MoneyTest(unittest.TestCase):
    def test_rounds_to_cents(self):
        self.assertEqual(to_cents(Decimal("1.234")), Decimal("1.23"))
        self.assertEqual(to_cents(Decimal("1.236")), Decimal("1.24"))

    def test_refuses_floats(self):
        with self.assertRaises(TypeError):
            amount(0.1)

    def test_shows_thousands(self):
        self.assertEqual(show(Decimal("1234.5")), "1,234.50 EUR")


if __name__ == "__main__":
    unittest.main()
