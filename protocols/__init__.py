"""What crosses a wire: values and codecs, no I/O, no clock, no storage (docs/architecture.md)."""
