"""Measurements. Each file runs by itself and writes to results/."""
