"use strict";

// Tables can be sorted by their column heads; without this script they are plain tables.
for (const table of document.querySelectorAll("table")) {
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(table, head, column));
    head.replaceChildren(button);
  });
}

function sort(table, head, column) {
  const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => direction * compare(a.cells[column], b.cells[column]));
  table.tBodies[0].append(...rows);
}

function compare(a, b) {
  if (a.dataset.value !== undefined && b.dataset.value !== undefined) {
    return Number(a.dataset.value) - Number(b.dataset.value);
  }
  return a.textContent.localeCompare(b.textContent, "en", { numeric: true });
}

// What is folded on the screen is wanted on paper, but for the long raw texts; afterwards it is folded again.
let unfolded = [];

window.addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("details:not([open]):not(.raw)")];
  unfolded.forEach((part) => { part.open = true; });
});

window.addEventListener("afterprint", () => {
  unfolded.forEach((part) => { part.open = false; });
  unfolded = [];
});

// The summary for a pull request. From disk a browser may refuse its clipboard to scripts: then it is selected.
const take = document.querySelector(".take");
if (take) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy as Markdown";
  button.addEventListener("click", async () => {
    button.textContent = await copied() ? "Copied" : "Could not copy: see summary.md";
    setTimeout(() => { button.textContent = "Copy as Markdown"; }, 2000);
  });
  take.prepend(button);
}

async function copied() {
  const text = document.querySelector("#markdown");
  try {
    await navigator.clipboard.writeText(text.value);
    return true;
  } catch {
    text.hidden = false;
    text.select();
    const done = document.execCommand("copy");
    text.hidden = true;
    return done;
  }
}
