"""Show that an existing API server and its clients find what they rely on."""
