/** Report style: how the audit report looks: by day, by night, and on paper. Colours are told apart by lightness as well as hue. */

export const AUDIT_STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --ground: #fff; --line: #d5dae0; --shade: #f3f5f7;
  --warning: #7a5600; --one: #0b57b0; --two: #b3261e; --three: #17692f; --four: #6b3fa0; --five: #1b1f24; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebee; --soft: #a3adb8; --ground: #14181c; --line: #353c44; --shade: #1d2329;
    --warning: #e5c368; --one: #82b8ff; --two: #ff8a80; --three: #6fd08c; --four: #c9a6ff; --five: #e8ebee; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2.25rem 1.5rem 4rem; }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2.75rem 0 .5rem; font-size: 1.2rem; }
p, li { max-width: 46rem; } p { margin: .4rem 0; }
ul { margin: .4rem 0; padding-left: 1.2rem; }
.kind, .soft, figcaption, caption { color: var(--soft); }
.blind { margin: 1.25rem 0; padding: .8rem 1rem; border-left: 4px solid var(--warning); background: var(--shade); }
.blind h2 { margin: 0 0 .3rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.5rem; margin: 1rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .93em; }
caption { padding: .2rem 0 .4rem; text-align: left; }
th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--soft); font-weight: 600; } tbody th { font-weight: 400; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: .9em/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
figure { margin: 1rem 0; } figcaption { max-width: 46rem; font-size: .93em; }
svg { display: block; max-width: 100%; height: auto; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; } svg text.soft { fill: var(--soft); }
svg .axis { stroke: var(--soft); } svg .grid { stroke: var(--line); } svg .chance { stroke: var(--soft); stroke-dasharray: 4 4; }
svg .curve { fill: none; stroke-width: 2; }
.one { --own: var(--one); } .two { --own: var(--two); } .three { --own: var(--three); } .four { --own: var(--four); } .five { --own: var(--five); }
svg .stroke { stroke: var(--own); } svg .fill { fill: var(--own); } svg .dashed { stroke-dasharray: 6 3; }
.key { display: inline-block; width: .8em; height: .8em; margin-right: .35em; background: var(--own); border-radius: 2px; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: .5rem 0; padding: 0; list-style: none; font-size: .93em; }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .5rem 1.5rem; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --ground: #fff; --line: #bbb; --shade: #fff; --warning: #5c4000;
    --one: #003a80; --two: #8c0000; --three: #004d1a; --four: #43206f; --five: #000; }
  main { max-width: none; padding: 0; } body { font-size: 10pt; } .scroll { overflow: visible; }
  tr, figure { break-inside: avoid; } h2 { break-after: avoid; }
}
`
