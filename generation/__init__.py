"""How an answer is written: rewriting, drafting, quoting, weighting, citing."""
