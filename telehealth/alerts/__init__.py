"""Alerts: their life cycle, clocks and routing, decided here and acted on elsewhere."""
