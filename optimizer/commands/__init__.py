"""The commands, a module for each occasion. They parse, call one function and print; no logic lives here."""
