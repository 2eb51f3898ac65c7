"""Checks of an evaluated graph that need no cloud: `python -m emulators.verify STACK`.

Each check is a function `violations(graph) -> list[str]`; an empty list is a pass.
"""
