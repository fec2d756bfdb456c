// What the book does beyond the theme. Plain JavaScript, no dependency, no request; without it every page is complete.
(function () {
  "use strict";

  // ---- scoreboard: sorting within each page, filters kept in the address (scoreboard.html?verdict=not)

  function key(row, column) {
    return row.cells[column].dataset.sort;
  }

  // Rows without a value stay at the end in both directions; equal rows keep their order.
  function sort(table, column, direction) {
    const sign = direction === "descending" ? -1 : 1;
    for (const body of table.tBodies) {
      const rows = Array.from(body.querySelectorAll(".pl-row"));
      rows.sort(function (a, b) {
        const x = key(a, column);
        const y = key(b, column);
        return x === undefined || y === undefined ? (x === undefined) - (y === undefined) : sign * (x - y);
      });
      body.append(...rows);
    }
    for (const head of table.tHead.querySelectorAll("[aria-sort]")) {
      head.setAttribute("aria-sort", head.cellIndex === column ? direction : "none");
    }
  }

  function makeSortable(table) {
    for (const head of table.tHead.querySelectorAll("[aria-sort]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "pl-sort";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", function () {
        sort(table, head.cellIndex, head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending");
      });
    }
  }

  // "Of 188 claims 60 reproduced, 42 hold in miniature; of 152 controls 134 as expected."
  function inWords(rows, order) {
    const parts = [];
    for (const [role, title] of [["paper", "claim"], ["control", "control"]]) {
      const found = rows.filter((row) => row.dataset.role === role).map((row) => row.dataset.words);
      const counts = order.map((words) => [words, found.filter((other) => other === words).length]);
      const told = counts.filter(([words, number]) => number).map(function ([words, number]) {
        return number + " " + (number > 1 ? words.replace(/^does/, "do").replace(/^holds/, "hold") : words);
      });
      if (told.length) {
        parts.push("of " + found.length + " " + title + (found.length > 1 ? "s " : " ") + told.join(", "));
      }
    }
    const text = parts.join("; ") || "no claim is like that";
    return text[0].toUpperCase() + text.slice(1) + ".";
  }

  function bodies(page) {
    const next = page.nextElementSibling;
    return next && next.classList.contains("pl-controls") ? [page, next] : [page];
  }

  // A page's rows are folded until its button, or a choice, opens them.
  function open(page, yes) {
    for (const body of bodies(page)) {
      body.classList.toggle("pl-closed", !yes);
    }
    page.querySelector(".pl-toggle").setAttribute("aria-expanded", String(yes));
  }

  function makeFoldable(table, button) {
    for (const page of table.querySelectorAll(".pl-page")) {
      const toggle = document.createElement("button");
      toggle.type = "button";
      toggle.className = "pl-toggle";
      toggle.setAttribute("aria-label", "claims of " + page.querySelector("th a").textContent);
      page.querySelector("th").prepend(toggle);
      toggle.addEventListener("click", () => open(page, page.classList.contains("pl-closed")));
    }
    button.addEventListener("click", function () {
      table.querySelectorAll(".pl-page").forEach((page) => open(page, true));
    });
  }

  function makeFilterable(table, form, status) {
    const rows = Array.from(table.querySelectorAll(".pl-row"));
    const pages = Array.from(table.querySelectorAll(".pl-page"));
    const field = form.elements;
    const names = Array.from(field).map((element) => element.name).filter(Boolean);
    const order = form.dataset.words.split("|");
    const selects = names.filter((name) => name !== "text");
    const texts = new Map();
    for (const page of pages) {
      for (const row of bodies(page).flatMap((body) => [...body.querySelectorAll(".pl-row")])) {
        texts.set(row, (page.rows[0].textContent + " " + row.textContent).toLowerCase());
      }
    }

    function matches(row) {
      const words = field.text.value.toLowerCase().split(/\s+/).filter(Boolean);
      return (
        selects.every((name) => !field[name].value || row.dataset[name].split("|").includes(field[name].value)) &&
        words.every((word) => texts.get(row).includes(word))
      );
    }

    function apply() {
      const chosen = names.some((name) => field[name].value);
      for (const row of rows) {
        row.hidden = !matches(row);
      }
      for (const page of pages) {
        const own = bodies(page);
        const shown = own.map((body) => body.querySelector(".pl-row:not([hidden])") !== null);
        page.rows[0].hidden = !shown.includes(true);
        if (own[1]) {
          own[1].rows[0].hidden = !shown[1];
        }
        open(page, chosen);
      }
      status.textContent = inWords(rows.filter((row) => !row.hidden), order);
    }

    function read() {
      const asked = new URLSearchParams(location.search);
      for (const name of names) {
        field[name].value = asked.get(name) || "";
        if (field[name].selectedIndex < 0) {
          field[name].value = ""; // a value that this book does not have
        }
      }
      apply();
    }

    // Each choice is a step back; typing changes the present one.
    function write(event) {
      const query = new URLSearchParams(names.filter((name) => field[name].value).map((name) => [name, field[name].value]));
      const address = location.pathname + (query.size ? "?" + query : "") + location.hash;
      if (address !== location.pathname + location.search + location.hash) {
        history[event?.target === field.text ? "replaceState" : "pushState"](null, "", address);
      }
      apply();
    }

    form.addEventListener("input", write);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(write, 0));
    window.addEventListener("popstate", read);
    form.hidden = false;
    status.hidden = false;
    read();
  }

  // ---- every page

  // Any box whose content is wider or higher than itself can be scrolled with the keyboard.
  function reachable() {
    for (const box of document.querySelectorAll(".paperlab-scroll, .cell_output .text_html, .pst-scrollable-table-container")) {
      if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) {
        box.tabIndex = 0;
      }
    }
  }

  // An address that ends in #claim-c2 shows the claim unfolded; #cd_test.c2 opens the page on the scoreboard.
  function unfold() {
    const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (place?.matches(".pl-scoreboard .pl-row, .pl-page")) {
      open(document.getElementById(place.id.split(".")[0]), true);
      place.scrollIntoView();
    }
    const details = place?.matches(".pl-claim") && place.querySelector("details");
    if (details) {
      details.open = true;
    }
  }

  document.addEventListener("DOMContentLoaded", function () {
    const table = document.querySelector("table.pl-scoreboard");
    if (table) {
      makeSortable(table);
      makeFoldable(table, document.querySelector(".pl-open"));
      makeFilterable(table, document.querySelector("form.pl-filters"), document.querySelector(".pl-shown"));
    }
    reachable();
    unfold();
    window.addEventListener("hashchange", unfold);
  });
})();
