"""Tables in, tables out: no FCS, no gates, so it can be checked against another program on tables alone."""
