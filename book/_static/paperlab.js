// Scoreboard: sorting by column, filters, free text. Plain JavaScript, no dependency, no request.
// The filters are kept in the address (scoreboard.html?verdict=not), so that a course plan can link to a selection.
(function () {
  "use strict";

  const SELECTS = ["part", "fidelity", "verdict"];

  function compare(kind) {
    return function (a, b) {
      if (kind === "number") {
        return Number(a) - Number(b);
      }
      return a.localeCompare(b, "en", { numeric: true });
    };
  }

  function key(row, column) {
    const cell = row.cells[column];
    return cell.dataset.sort === undefined ? cell.textContent.trim() : cell.dataset.sort;
  }

  // Rows without a value stay at the end in both directions; equal rows keep their order.
  function sort(table, column, direction) {
    const heads = table.tHead.rows[0].cells;
    const order = compare(heads[column].dataset.kind);
    const sign = direction === "descending" ? -1 : 1;
    const rows = Array.from(table.tBodies[0].rows);
    rows.sort(function (a, b) {
      const x = key(a, column);
      const y = key(b, column);
      if (x === "" || y === "") {
        return (x === "") - (y === "");
      }
      return sign * order(x, y);
    });
    table.tBodies[0].append(...rows);
    for (const head of heads) {
      if (head.hasAttribute("aria-sort")) {
        head.setAttribute("aria-sort", head === heads[column] ? direction : "none");
      }
    }
  }

  function makeSortable(table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (head, column) {
      if (!head.hasAttribute("aria-sort")) {
        return;
      }
      const button = document.createElement("button");
      button.type = "button";
      button.className = "pl-sort";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", function () {
        sort(table, column, head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending");
      });
    });
  }

  function makeFilterable(table, form, status) {
    const rows = Array.from(table.tBodies[0].rows);
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const field = form.elements;

    function matches(row) {
      const words = field.text.value.toLowerCase().split(/\s+/).filter(Boolean);
      return (
        SELECTS.every((name) => !field[name].value || row.dataset[name].split("|").includes(field[name].value)) &&
        words.every((word) => texts.get(row).includes(word))
      );
    }

    function apply() {
      let shown = 0;
      for (const row of rows) {
        row.hidden = !matches(row);
        shown += row.hidden ? 0 : 1;
      }
      status.textContent = shown + " of " + rows.length + " claims";
      const query = new URLSearchParams();
      for (const name of [...SELECTS, "text"]) {
        if (field[name].value) {
          query.set(name, field[name].value);
        }
      }
      const text = query.toString();
      history.replaceState(null, "", location.pathname + (text ? "?" + text : "") + location.hash);
    }

    const asked = new URLSearchParams(location.search);
    for (const name of [...SELECTS, "text"]) {
      field[name].value = asked.get(name) || "";
    }
    for (const name of SELECTS) {
      if (field[name].selectedIndex < 0) {
        field[name].value = ""; // a value that this book does not have
      }
    }
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(apply, 0));
    form.hidden = false;
    status.hidden = false;
    apply();
  }

  // Any box whose content is wider than itself can be scrolled with the keyboard.
  function reachable() {
    for (const box of document.querySelectorAll(".paperlab-scroll, .cell_output .text_html, .pst-scrollable-table-container")) {
      if (box.scrollWidth > box.clientWidth) {
        box.tabIndex = 0;
      }
    }
  }

  document.addEventListener("DOMContentLoaded", function () {
    const table = document.querySelector("table.pl-scoreboard");
    if (table) {
      makeSortable(table);
      makeFilterable(table, document.querySelector("form.pl-filters"), document.querySelector(".pl-shown"));
    }
    reachable();
  });
})();
