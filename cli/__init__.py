"""The ``colloquy`` command."""
