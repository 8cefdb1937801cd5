"""The trial: arms, visits, readouts, analysis sets and the sheets. Subjects (and so arms) are known here alone."""
