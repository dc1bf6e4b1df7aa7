"""From a template's text to Jinja2's syntax tree: tags, what may stand in them, what stands around them."""
