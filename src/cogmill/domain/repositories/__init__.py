"""The repositories of an organization, which of them are indexed, and searching the indexes."""
