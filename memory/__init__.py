"""What was said: the Redis store, the embedded server, the history window."""
