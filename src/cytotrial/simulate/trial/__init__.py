"""The trial: subjects, one recipe per tube, sheets and outcomes, and the writing of it all."""
