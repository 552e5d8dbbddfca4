"""Why cost rose: a change taken apart into factors."""
