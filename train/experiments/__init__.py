"""The papers' experiments, repeated: what they compare, what they claim, tables and pictures."""
