"""The Gradio pages: events in, values out, no decisions."""
