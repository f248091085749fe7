"""`modelspec mcp`: checks, pages and runs for assistants, over the Model Context Protocol."""
