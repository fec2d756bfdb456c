"""What the command line imports, and what it does not."""

import subprocess
import sys


def test_jupyter_is_imported_without_grammars_that_no_notebook_needs():
    code = (
        "import importlib.util as u, sys; from paperlab import files; files.prepare_jupyter(); import nbformat; "
        "assert 'jsonschema' in sys.modules and 'rfc3987_syntax' not in sys.modules and 'lark' not in sys.modules; "
        "nbformat.validate(nbformat.v4.new_notebook()); "
        "u.find_spec('rfc3987_syntax') and __import__('rfc3987_syntax')"  # whoever needs it has it
    )
    subprocess.run([sys.executable, "-c", code], check=True)
