"""The rules, one folder per family of resources."""
