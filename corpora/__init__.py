"""Readers of public data sets and of our own: what training and evaluation both read, and where they draw the line."""
