"""Laws of scaling as plain functions, a file for each family, and levers among them."""

from froude.laws.averaging import average
from froude.laws.catalogue import all_laws, get_law
from froude.laws.decorator import law
from froude.laws.definition import Example, Law, Power
from froude.laws.origin import Origin
from froude.laws.search import search_laws

__all__ = ["Example", "Law", "Origin", "Power", "all_laws", "average", "get_law", "law", "search_laws"]
