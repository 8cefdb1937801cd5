"""One FCS file: its events, channels, compensation, scale and quality."""
