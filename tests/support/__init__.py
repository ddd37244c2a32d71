"""Factories, servers and people that tests share."""
