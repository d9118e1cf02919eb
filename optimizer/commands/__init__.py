"""The commands, grouped by what they work on. They parse, call one function and print; no logic lives here.

`beginning`: init · `finished`: compare, report, rescore, results, review · `exports`: export ·
`bundles`: verify, sign, gate · `fleets`: fleet, status, dashboard, track · `options`: what all of them share, with
`stopping`. check, run, serve, list are in `cli`.
"""
