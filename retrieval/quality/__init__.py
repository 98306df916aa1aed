"""How good the documents themselves are: gaps, repetitions, contradictions, age, build, wording and links."""
