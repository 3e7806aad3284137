"""Who calls, what they may do, and how far a request reaches."""
