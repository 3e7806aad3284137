"""Export and import of a whole instance, or of one organization, as one file."""
