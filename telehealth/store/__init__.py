"""Where things are kept: tables, the two engines behind one gate, queries, migrations."""
