"""The card of one paper: ``data/papers/<slug>.yml``, validated."""

from dataclasses import dataclass, field
from typing import Any

from paperlab import files, paths
from paperlab.errors import PaperlabError, suggestion
from paperlab.pages import claims

PARTS = {
    "spiking": "Spiking networks",
    "latent-factors": "Latent factors and what identifies them",
    "causes": "Causes and choices",
    "predictions": "Predictions people act on",
    "recommenders": "Recommenders",
    "vision": "Images, faces and robots",
    "language": "Language and text",
}


@dataclass(frozen=True)
class Card:
    """What ``data/papers/<slug>.yml`` says; read with `Card.load`."""

    slug: str
    title: str
    short: str
    authors: list
    year: int
    venue: str
    cite: str
    part: str
    fidelity: str
    question: str
    summary: str
    claims: list
    departures: list = field(default_factory=list)
    data: list = field(default_factory=list)
    profiles: dict = field(default_factory=dict)
    arxiv: str | None = None
    doi: str | None = None

    @classmethod
    def load(cls, slug):
        """Read and validate a card.

        Raises
        ------
        PaperlabError
            If the file is missing, is not plain YAML, or a field or criterion is missing or malformed.
        """
        path = paths.card_path(paths.check_slug(slug))
        where = paths.shown(path)
        card = cls.from_dict(files.read_yaml(path), where)
        if card.slug != slug:
            raise PaperlabError(f"{where}: slug must be the name of the file, got {card.slug!r}")
        return card

    @classmethod
    def from_dict(cls, data, where="card"):
        """Validate a parsed card; ``where`` begins every message."""
        if not isinstance(data, dict):
            raise PaperlabError(f"{where}: a card is a mapping of fields, got {type(data).__name__}")
        fields = cls.__dataclass_fields__
        for key in data:
            if key not in fields:
                raise PaperlabError(f"{where}: unknown field {key!r}{suggestion(key, fields)}")
        optional = {"departures", "data", "profiles", "arxiv", "doi"}
        for key in fields:
            if key not in optional and data.get(key) in (None, "", []):
                raise PaperlabError(f"{where}: field {key!r} is missing or empty")
            kind: Any = fields[key].type
            if data.get(key) is not None and not isinstance(data[key], kind):
                name = getattr(kind, "__name__", "str")
                raise PaperlabError(f"{where}: field {key!r} must be {name}, got {data[key]!r}; quote text")
        if data["part"] not in PARTS:
            raise PaperlabError(f"{where}: part must be one of {', '.join(PARTS)}, got {data['part']!r}")
        if data["fidelity"] not in claims.FIDELITIES:
            raise PaperlabError(
                f"{where}: fidelity must be one of {', '.join(claims.FIDELITIES)}, got {data['fidelity']!r}"
            )
        if len(data["short"]) > 40:
            raise PaperlabError(f"{where}: short has {len(data['short'])} characters, at most 40 fit the sidebar")
        read = [claims.Claim.from_dict(entry, where) for entry in data["claims"]]
        ids = [claim.id for claim in read]
        if len(set(ids)) != len(ids):
            raise PaperlabError(f"{where}: claim ids must differ, got {', '.join(ids)}")
        cleaned = {key: value for key, value in data.items() if value is not None}
        for name, values in (data.get("profiles") or {}).items():
            if not isinstance(values, dict):
                raise PaperlabError(f"{where}: profile {name} must map parameters to values, got {values!r}")
        return cls(**{**cleaned, "claims": read})

    @property
    def reference(self):
        """Authors, year and venue in one line."""
        names = self.authors if len(self.authors) <= 6 else [*self.authors[:5], "others"]
        link = f", arXiv {self.arxiv}" if self.arxiv else ""
        return f"{', '.join(names)} ({self.year}), {self.venue}{link}"
