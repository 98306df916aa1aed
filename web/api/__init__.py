"""The HTTP API: what the pages show, for programs. Events in, JSON out; no decisions."""
