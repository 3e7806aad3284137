"""Knowledge: notes that sessions are given when they fit."""
