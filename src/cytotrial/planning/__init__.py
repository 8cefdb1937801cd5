"""How many patients, how many events: power and interval widths of a trial that has yet to be."""
