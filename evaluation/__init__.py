"""Measuring: metrics, data sets, and runs that print a table with the settings that made it."""
