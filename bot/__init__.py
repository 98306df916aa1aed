"""The dialogue manager: the life of a turn, the policy that chooses the answer, and the assembly of the parts."""
