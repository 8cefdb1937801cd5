"""Whose blood is in the tube: populations, their shares and how these move over the trial, cells and their light."""
