"""Measurements of Fourline that anyone can repeat; docs/performance.md holds their results."""
