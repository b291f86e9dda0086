"""What oximeters with a language of their own say: one family of frames a module."""
