"""Who did or saw what, whose, when, why and from where, in a log that nobody can bend unseen."""
