"""Code scans: sessions that look through a repository, the profiles they follow, and their findings."""
