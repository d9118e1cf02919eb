"""Races for the best prompt, replayed on recorded answers of real models, ours beside its rivals."""
