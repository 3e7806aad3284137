"""Rules on what sessions are asked for and do, and what went against them."""
