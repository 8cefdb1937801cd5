"""What the cytometer and its reagents make of the light: optics, the run of a tube, their history over a trial."""
