import unittest
from datetime import date

from invoices import Invoice, Line
from invoices.plain import render


class PlainTest(unittest.TestCase):
    def test_renders_rows_and_totals(self):
        text = render(Invoice("2026-018", date(2026, 1, 12), "Kranz & Co", [Line("Lamp", "80.00", quantity=2)]))
        self.assertIn("2 x Lamp                              160.00 EUR", text)
        self.assertIn("VAT 19%                                30.40 EUR", text)
        self.assertTrue(text.endswith("Please pay by 26 January 2026."))


if __name__ == "__main__":
    unittest.main()
