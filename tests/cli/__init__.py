"""Tests of cogmill.cli."""
