"""Exporters: the winning prompt in the forms that production reads. They take a finished run and ask no model.

`shipment` is what an exporter is handed and hands back, `registry` knows them by name: the `bundle`, and the `formats`
of other tools. All of these share `rendering` (is it what was scored?), `parserless` (can replies be read without us?)
and `names` (what models and parameters are called elsewhere).
"""
