"""Errors, fields of settings, atomic files: what all other parts share."""
