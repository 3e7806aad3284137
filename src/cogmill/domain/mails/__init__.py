"""Mails: written with their cause, sent afterwards."""
