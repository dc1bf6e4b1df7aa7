"""What every HTTP port of ours has: aiohttp's server with answers of ours, routes, the admin application."""
