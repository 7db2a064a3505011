"""The figures of docs/benchmarks.md: `make bench` measures them and writes the page."""
