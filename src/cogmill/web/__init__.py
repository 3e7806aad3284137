"""HTTP tools: guard, calls, inputs, pages, errors."""
