"""What the search page knows besides Sphinx's index: the usual names of each page's methods, and its claims by name."""

import json

import paperlab_inputs as source


def known(app):
    """``{docname: {"keywords": [...], "claims": {id: text}}}`` of every finished page."""
    return {
        f"notebooks/{page.slug}": {
            "keywords": source.keywords(app, page.slug),
            "claims": {claim.id: claim.text for claim in page.card.claims},
        }
        for page in source.book_of(app).done
    }


def script(app, pagename, templatename, context, doctree):
    """Give the search page its script and what it knows, and no other page."""
    if pagename == "search":
        text = json.dumps(known(app)).replace("<", "\\u003c")  # stays text inside a script element
        app.add_js_file(None, body=f"window.paperlabPages = {text};")
        app.add_js_file("search.js")


def connect(app):
    app.connect("html-page-context", script)
