"""What sessions use: ledger, consumption, limits."""
