"""Tests of cogmill.console."""
