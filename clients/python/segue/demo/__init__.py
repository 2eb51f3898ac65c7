"""A small library of original music to begin with: composed, played and tagged by rule.

Every piece follows from its `Piece` alone: the same samples on every machine.
"""
