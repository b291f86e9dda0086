"""Video consultations: states and room (pure), the book of calls and the desk (acts)."""
