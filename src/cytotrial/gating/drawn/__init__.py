"""Gates that people drew: FlowJo 10 workspaces and GatingML 2.0 files, read, checked, and applied through FlowKit."""
