"""Study: exponents of trained families against the classes that theory sorts them into."""
