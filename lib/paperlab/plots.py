"""House style and the few figure shapes that many pages share."""

PAPER_GREY = "0.6"
COLOURS = (
    "#0b6fa4",
    "#d1495b",
    "#3a7d44",
    "#8f5fbf",
    "#c77d0a",
    "#3d405b",
)  # distinct in print and for the colour-blind


def style():
    """Set matplotlib's defaults for a 700-pixel column: quiet axes, white card, one colour cycle."""
    import matplotlib as mpl
    from cycler import cycler

    mpl.rcParams.update(
        {
            "figure.figsize": (7.0, 3.6),
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "axes.facecolor": "white",
            "axes.prop_cycle": cycler(color=COLOURS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "0.92",
            "legend.frameon": False,
            "font.size": 10,
            "svg.hashsalt": "paperlab",
        }
    )


def table(frame, caption=None, digits=3, *, index=True):
    """A DataFrame as a scrollable HTML table with rounded numbers; plain text where HTML is not shown.

    A column of whole numbers, one of them above 1, is a count and has no decimals.
    """
    return _Table(frame, caption, digits, index)


def _counts(frame):
    """Formatters of the columns that are counts."""
    import numpy as np

    found = {}
    for at, name in enumerate(frame.columns):
        values = frame.iloc[:, at]
        if values.dtype.kind == "f" and (frame.columns == name).sum() == 1:
            finite = values[np.isfinite(values)]
            if len(finite) and (finite == finite.round()).all() and finite.abs().max() > 1:
                found[name] = lambda x: f"{x:.0f}" if x == x else "–"
    return found


class _Table:
    def __init__(self, frame, caption, digits, index):
        self.frame, self.caption, self.digits, self.index = frame, caption, digits, index

    def __repr__(self):
        rounded = self.frame.round(self.digits)
        shown = rounded.to_string(index=self.index, formatters=_counts(self.frame))
        return (f"{self.caption}\n" if self.caption else "") + shown

    def _repr_html_(self):
        import html

        frame = self.frame
        if self.index and frame.index.nlevels == frame.columns.nlevels == 1 and frame.columns.name is None:
            frame = frame.rename_axis(index=None, columns=frame.index.name)  # in the heading, not in a row of its own
        shown = frame.to_html(
            float_format=lambda x: f"{x:.{self.digits}f}",
            border=0,
            classes="paperlab-table",
            na_rep="–",
            index=self.index,
            formatters=_counts(frame),
        )
        caption = f"<p class='paperlab-caption'>{html.escape(self.caption)}</p>" if self.caption else ""
        return f'<div class="paperlab-scroll">{caption}{shown}</div>'
