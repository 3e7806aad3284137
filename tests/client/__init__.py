"""Tests of cogmill.client."""
