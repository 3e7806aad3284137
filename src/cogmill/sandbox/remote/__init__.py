"""A sandbox on another machine: what the two sides say to each other (docs/outposts.md)."""
