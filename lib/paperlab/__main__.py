"""``paperlab`` and ``python -m paperlab``: the command line, where Ctrl-C is one line from the first import on."""

import sys


def main():
    """Entry point of the ``paperlab`` command."""
    try:
        from paperlab import cli

        cli.main()
    except KeyboardInterrupt:
        print("paperlab: stopped", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
