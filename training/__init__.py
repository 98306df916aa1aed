"""Training of the models that ship: data, objectives, loops that resume."""
