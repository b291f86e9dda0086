"""The station's desk: pages on which nurses and coordinators register, lend, merge and assign."""
