// Search that keeps its word: every result holds every word. It replaces the ranking of Sphinx's searchtools.js and uses
// the same index; loaded on the search page only, where window.paperlabPages names the methods and claims of each page.
(function () {
  "use strict";

  const CLAIM = /^([a-z0-9_]+)\.(c\d+[a-z]?)$/;
  const TITLE = 100, KEYWORD = 80, HEADING = 20, TEXT = 5;

  // Sphinx cuts an s off short words too when it makes the index; its script does not when it searches.
  function stem(word) {
    return word.length < 3 ? word.replace(/s$/, "") : new Stemmer().stemWord(word);
  }

  function words(text) {
    return splitQuery(text.toLowerCase()).filter((word) => !stopwords.includes(word)).map(stem);
  }

  // What a page is called besides its title: its slug, its claims, the usual names of its methods
  function names(document) {
    const page = window.paperlabPages[document];
    return page ? [document.split("/").pop(), ...page.keywords, ...Object.keys(page.claims)].join(" ") : "";
  }

  // Where a word stands: {document: points}. Only a word that stands nowhere may be the beginning of another.
  function places(index, word, titles, keywords) {
    const points = new Map();
    const give = (documents, value) => {
      for (const document of [documents].flat()) {
        points.set(document, Math.max(points.get(document) || 0, value));
      }
    };
    const lookUp = (same) => {
      for (const [table, value] of [[index.titleterms, HEADING], [index.terms, TEXT]]) {
        for (const term of Object.keys(table).filter(same)) {
          give(table[term], value);
        }
      }
      for (const [sets, value] of [[titles, TITLE], [keywords, KEYWORD]]) {
        sets.forEach((set, document) => [...set].some(same) && give(document, value));
      }
    };
    lookUp((term) => term === word);
    if (!points.size && word.length > 2) {
      lookUp((term) => term.startsWith(word));
    }
    return points;
  }

  // The claims that a query names, each with the page that has it.
  function claims(query, index) {
    return query.split(/\s+/).map((word) => CLAIM.exec(word)).filter(Boolean).map(function (match) {
      const name = "notebooks/" + match[1];
      const text = window.paperlabPages[name]?.claims[match[2]];
      return text === undefined ? null : { document: index.docnames.indexOf(name), id: match[2], text: text };
    });
  }

  function search(query) {
    const index = Search._index;
    const lower = query.toLowerCase().trim();
    document.getElementById("search-progress")?.replaceChildren();
    const asked = words(lower);
    if (!asked.length) {
      return [];
    }
    const titles = index.titles.map((title) => new Set(words(title)));
    const keywords = index.docnames.map((name) => new Set(words(names(name))));
    const found = asked.map((word) => places(index, word, titles, keywords));
    const result = (document, title, anchor, points) => [
      index.docnames[document], title, anchor, null, points, index.filenames[document],
    ];
    const named = claims(lower, index).filter((claim) => claim);
    const results = [];
    for (const document of found[0].keys()) {
      if (!found.every((points) => points.has(document))) {
        continue;
      }
      const total = found.reduce((sum, points) => sum + points.get(document), 0);
      results.push(result(document, index.titles[document], "", total / asked.length));
      for (const claim of named.filter((other) => other.document === document)) {
        results.push(result(document, index.titles[document] + ", " + claim.id + ": " + claim.text, "#claim-" + claim.id, 1e3));
      }
    }
    // headings that hold every word, after the page of that name
    for (const [title, headings] of Object.entries(index.alltitles)) {
      const inside = new Set(words(title));
      for (const [document, id] of asked.every((word) => inside.has(word)) ? headings : []) {
        if (id !== null && index.titles[document] !== title) {
          results.push(result(document, index.titles[document] + " > " + title.trim(), "#" + id, HEADING - 1));
        }
      }
    }
    return results.sort((a, b) => a[4] - b[4] || b[1].localeCompare(a[1])); // the last is shown first
  }

  // Before searchtools.js, which stands further down, begins to search
  document.addEventListener("DOMContentLoaded", function () {
    Search._performSearch = search;
  });
})();
