"""What each family of virtual devices advertises, offers and says; the radio is `peripheral`'s."""
