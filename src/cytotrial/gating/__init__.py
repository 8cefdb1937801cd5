"""Gates: placed from data, agreed between files, applied through FlowKit. Never sees an arm."""
