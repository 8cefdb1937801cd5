"""Gates compiled to tests on linear values: event for event what FlowKit says, in blocks of events."""
