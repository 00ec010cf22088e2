"""Style and behavior of the page of tables: light and dark, narrow screens, columns that sort on a click."""

__all__ = ["SCRIPT", "STYLE"]

STYLE = """
:root { color-scheme: light dark; --paper: #fbfbfa; --card: #fff; --ink: #1d2329; --faint: #6b747d; --line: #e3e6e8;
  --mark: #1f6feb; --good: #1a7f37; --differs: #9a6700; --bad: #c5221f; --badground: #fdeceb }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171a; --card: #1b1f23; --ink: #e3e6e8; --faint: #97a1aa; --line: #2e343a;
    --mark: #6cb0ff; --good: #57c271; --differs: #d9a63a; --bad: #ff8078; --badground: #3a1f1f } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.55 system-ui, sans-serif;
  -webkit-text-size-adjust: 100% }
main { max-width: 1180px; margin: 0 auto; padding: 2rem 1rem 4rem }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .3rem; letter-spacing: -.01em }
h2 { font-size: 1.2rem; margin: 0 0 1rem }
a { color: var(--mark); text-decoration: none } a:hover { text-decoration: underline }
.about { color: var(--faint); margin: 0 0 .8rem }
pre, code { font: 12.5px/1.5 ui-monospace, Menlo, Consolas, monospace }
pre { margin: 0 0 1rem; padding: .6rem .8rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; overflow-x: auto }
.facts { list-style: none; display: flex; flex-wrap: wrap; gap: .6rem; padding: 0; margin: 0 0 1.2rem }
.facts li { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .35rem .8rem }
.facts .good b, td.good { color: var(--good) } .facts .bad b, td.bad { color: var(--bad) }
td.differs { color: var(--differs) }
nav { margin-bottom: 1.5rem } nav p { margin: .15rem 0 } nav a { display: inline-block; padding: 0 .45rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.2rem;
  margin: 0 0 1.5rem; scroll-margin-top: 1rem }
figure { margin: 0 0 1rem; display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)) }
figure > div { min-width: 0; display: flex; align-items: center; justify-content: center; color: var(--faint) }
figure > .absent { border: 1px dashed var(--line); border-radius: 8px; min-height: 6rem }
figcaption { grid-column: 1 / -1; color: var(--faint); font-size: 13px }
figcaption i { display: inline-block; width: 10px; height: 10px; border: 2px solid var(--mark); border-radius: 50%;
  margin: 0 .2rem 0 .8rem } figcaption i:first-child { margin-left: 0 } i.full { background: var(--mark) }
svg { width: 100%; max-width: 560px; height: auto; overflow: visible }
svg text { font: 11px system-ui, sans-serif; fill: var(--faint) } svg .name, .mark text { fill: var(--ink) }
svg .grid { stroke: var(--line) } circle { stroke: var(--mark); stroke-width: 2; fill: var(--card) }
.measured circle { fill: var(--mark) } .mark:hover text { font-weight: 600 }
.wide { overflow-x: auto; margin: 0 -1.2rem; padding: 0 1.2rem }
table { border-collapse: collapse; font-size: 13px; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .4rem .5rem; text-align: right; vertical-align: top; white-space: nowrap;
  border-bottom: 1px solid var(--line) }
tr > :first-child { text-align: left; position: sticky; left: 0; background: var(--card); font-weight: 600 }
thead th { font-weight: 500; color: var(--faint); padding-block: .2rem }
thead tr:first-child th { border-bottom: 0 }
thead tr:first-child .group { text-align: center; border-bottom: 1px solid var(--line) }
thead button { all: unset; cursor: pointer } thead button:hover, thead button:focus-visible { color: var(--mark) }
[aria-sort=ascending] button::after { content: " \\25b4" } [aria-sort=descending] button::after { content: " \\25be" }
tbody tr:last-child > * { border-bottom: 0 }
tbody tr:hover > * { background: color-mix(in srgb, var(--mark) 7%, var(--card)) }
td small { display: block; color: var(--faint); font-size: 11.5px; line-height: 1.25 }
td.none { color: var(--faint) } tr.wrong > *, tr.wrong > :first-child { background: var(--badground) }
.notes { color: var(--faint); font-size: 13px; padding-left: 1.1rem; margin: .9rem 0 0; overflow-wrap: anywhere }
@media (max-width: 600px) { main { padding: 1rem .6rem 2rem } section { padding: .9rem; border-radius: 10px }
  .wide { margin: 0 -.9rem; padding: 0 .9rem } h1 { font-size: 1.35rem } }
@media print { section { break-inside: avoid; border: 0 } }
"""
"""Colors are variables, which the plots use as well."""

SCRIPT = """
for (const button of document.querySelectorAll("thead button")) button.onclick = () => {
  const head = button.parentElement, column = head.cellIndex, body = head.closest("table").tBodies[0];
  const up = head.getAttribute("aria-sort") !== "ascending";
  for (const other of head.parentElement.cells) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const compare = (one, other) => {
    const [a, b] = [one, other].map(row => row.cells[column]), [m, n] = [a, b].map(cell => cell.dataset.key);
    if (a.classList.contains("none") || b.classList.contains("none"))
      return a.classList.contains("none") - b.classList.contains("none");
    const order = m === undefined ? a.textContent.localeCompare(b.textContent, "en", { numeric: true }) : m - n;
    return up ? order : -order };
  body.append(...[...body.rows].sort(compare));
};
"""
"""A click on the name of a column sorts by it, a second one the other way round; what was not measured stays last."""
