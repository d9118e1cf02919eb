"""The commands, a module for each occasion. They parse, call one function and print; no logic lives here.

`beginning`: init · `finished`: compare, report, rescore, results · `exports`: export · `bundles`: verify, sign, gate ·
`fleets`: fleet, status, dashboard, track · `options`: what all of them share. check, run, serve and list are in `cli`.
"""
