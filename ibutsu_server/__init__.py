"""Provide the worker side of Ibutsu."""
