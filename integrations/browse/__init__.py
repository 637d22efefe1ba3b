"""Reading Notion in the browser, for members: through the gateway, and kept for the request alone."""
