"""What is believed: laws of scaling as plain functions, one file per family."""

from froude.laws.catalogue import all_laws, get_law
from froude.laws.compose import average
from froude.laws.law import Example, Law, Power, law

__all__ = ["Example", "Law", "Power", "all_laws", "average", "get_law", "law"]
