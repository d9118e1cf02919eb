"""`python -m optimizer` is `promptport`."""

from optimizer.cli import main

main(prog_name="promptport")
