"""Exporters: the winning prompt in the forms that production reads. They take a finished run and ask no model."""
