"""What the command line prints: JSON and aligned tables."""

import json
import shutil
import textwrap


def print_json(data):
    """Print an object as indented JSON."""
    print(json.dumps(data, indent=1, ensure_ascii=False))


def print_table(columns, rows):
    """Print aligned columns; the last one wraps to the terminal's width."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [
        max(len(column), *(len(row[i]) for row in cells)) if cells else len(column) for i, column in enumerate(columns)
    ]
    indent = sum(widths[:-1]) + 2 * (len(widths) - 1)
    room = max(shutil.get_terminal_size((120, 24)).columns - indent, 24)
    for row in [columns, *cells]:
        lines = textwrap.wrap(row[-1], room) or [""]
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row[:-1], widths)) + "  " * (len(row) > 1) + lines[0])
        for line in lines[1:]:
            print(" " * indent + line)
