/** HTML style: how the report of a sweep looks: by day, by night, and on paper. */

export const REPORT_STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --ground: #fff; --line: #d5dae0; --shade: #f3f5f7;
  --alarm: #b3261e; --warning: #7a5600; --notice: #0b57b0; --good: #17692f; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebee; --soft: #a3adb8; --ground: #14181c; --line: #353c44; --shade: #1d2329;
    --alarm: #ff8a80; --warning: #e5c368; --notice: #82b8ff; --good: #6fd08c; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2.25rem 1.5rem 4rem; }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.2rem; }
h3 { margin: 2rem 0 .25rem; font-size: 1.05rem; }
p { margin: .4rem 0; max-width: 46rem; }
.kind, .soft { color: var(--soft); }
.verdict { margin: 1.25rem 0; padding: .8rem 1rem; border-left: 4px solid currentColor; background: var(--shade); font-weight: 600; }
.alarm { color: var(--alarm); } .warning { color: var(--warning); } .notice { color: var(--notice); } .good { color: var(--good); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.5rem; margin: 1rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1.25rem 0; padding: 0; list-style: none; }
.tiles li { padding: .7rem .9rem; border: 1px solid var(--line); border-radius: 6px; }
.tiles b { display: block; font-size: 1.5rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .93em; }
th, td { padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
th button { all: unset; cursor: pointer; } th button:focus-visible { outline: 2px solid var(--notice); outline-offset: 2px; }
th[aria-sort=ascending] button::after { content: " ▲"; } th[aria-sort=descending] button::after { content: " ▼"; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
code { font: .9em/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
.new { padding: 0 .4em; border: 1px solid currentColor; border-radius: 3px; font-size: .8em; font-weight: 600; white-space: nowrap; }
a { color: var(--notice); }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --ground: #fff; --line: #bbb; --shade: #fff;
    --alarm: #8c0000; --warning: #5c4000; --notice: #003a80; --good: #004d1a; }
  main { max-width: none; padding: 0; } body { font-size: 10pt; }
  tr, .tiles li { break-inside: avoid; } h2, h3 { break-after: avoid; } th button { cursor: auto; }
  .scroll { overflow: visible; }
}
`

/** Sorts a table by the column whose head is pressed; without it the tables are there in the order of the report. */
export const REPORT_SCRIPT = `
for (const table of document.querySelectorAll('table.sortable')) {
  const heads = [...table.tHead.rows[0].cells]
  for (const [column, head] of heads.entries()) {
    const button = document.createElement('button')
    button.textContent = head.textContent
    head.replaceChildren(button)
    button.addEventListener('click', () => {
      const isDown = head.getAttribute('aria-sort') === 'ascending'
      for (const other of heads) other.removeAttribute('aria-sort')
      head.setAttribute('aria-sort', isDown ? 'descending' : 'ascending')
      const body = table.tBodies[0]
      const valueOf = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent
      const rows = [...body.rows].sort((a, b) => valueOf(a).localeCompare(valueOf(b), undefined, { numeric: true }))
      body.append(...(isDown ? rows.reverse() : rows))
    })
  }
}
`
