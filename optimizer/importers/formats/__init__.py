"""The formats of other tools, a module for each; the parent's `registry` lists them.

promptfoo takes three: its tests (`promptfoo_tests`), and their assertions before they are mapped (`promptfoo_checks`).
"""
