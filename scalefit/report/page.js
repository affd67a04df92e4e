"use strict";
// Links from tables and figures to curves, and the sort and search of the summary.
function openCurve(place) {
  const one = document.getElementById("curve-" + place);
  if (!one) return;
  one.open = true;
  one.scrollIntoView({ block: "start" });
  showCurve(place);
}

function showCurve(place) {
  const figure = document.getElementById("curves");
  const menu = (figure && figure.layout.updatemenus || [])[1];
  if (!menu || !menu.buttons[place]) return;
  Plotly.update(figure, ...menu.buttons[place].args);
  Plotly.relayout(figure, { "updatemenus[1].active": Number(place) });
}

document.querySelectorAll('a[href^="#curve-"]').forEach((link) =>
  link.addEventListener("click", (event) => {
    event.preventDefault();
    openCurve(link.hash.slice(7));
  }));

const forest = document.getElementById("exponents");
if (forest) {
  const links = [];
  forest.data.forEach((trace) =>
    trace.y.forEach((y, i) => { links[y] = trace.customdata[i]; }));
  forest.on("plotly_click", (event) => openCurve(event.points[0].customdata));
  const mark = () => forest.querySelectorAll(".ytick text").forEach((label) => {
    const place = links[label.__data__ && label.__data__.x];
    label.style.cursor = "pointer";
    label.style.pointerEvents = "all";
    label.onclick = () => openCurve(place);
  });
  forest.on("plotly_afterplot", mark);
  mark();
}

const table = document.getElementById("overview");
const rows = Array.from(table.tBodies[0].rows);
const each = document.getElementById("each");
const key = (row, column) => {
  const cell = row.cells[column];
  return "key" in cell.dataset ? cell.dataset.key : cell.textContent.trim();
};

function compare(one, other) {
  if (one === "" || other === "") return (one === "") - (other === "");
  const numbers = [Number(one), Number(other)];
  return numbers.some(Number.isNaN)
    ? one.localeCompare(other, undefined, { numeric: true }) : numbers[0] - numbers[1];
}

function arrange(column, down) {
  rows.sort((a, b) => {
    const [one, other] = [key(a, column), key(b, column)];
    const sign = down && one !== "" && other !== "" ? -1 : 1;
    return sign * compare(one, other);
  });
  rows.forEach((row) => {
    table.tBodies[0].append(row);
    const curve = document.getElementById("curve-" + row.dataset.place);
    if (curve) each.append(curve);
  });
}

Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
  const button = document.createElement("button");
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    arrange(column, down);
  });
});

const search = document.getElementById("search");
if (search) search.addEventListener("input", () => {
  const wanted = search.value.toLowerCase();
  let left = 0;
  rows.forEach((row) => {
    const text = row.cells[0].textContent + " " + row.cells[1].textContent;
    row.hidden = !text.toLowerCase().includes(wanted);
    left += row.hidden ? 0 : 1;
    const curve = document.getElementById("curve-" + row.dataset.place);
    if (curve) curve.hidden = row.hidden;
  });
  document.getElementById("found").textContent = wanted ? left + " of " + rows.length : "";
});
