"""Configure Sphinx."""

project = "ibutsu_server"
author = "the ibutsu_server maintainers"
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "The worker side of Ibutsu", "fixed_sidebar": True}
