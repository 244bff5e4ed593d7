"""Doctor: what has gone wrong for others, looked for here, and what to do about it."""
