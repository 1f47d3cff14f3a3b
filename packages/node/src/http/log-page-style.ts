/** Log page style: how the page of a log looks: in the reader's own colours, by day and by night. */

export const LOG_PAGE_STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --ground: #fff; --line: #d5dae0; --link: #0b57b0;
  --good: #17692f; --bad: #b3261e; --open: #6b5200; --shade: #f3f5f7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebee; --soft: #a3adb8; --ground: #14181c; --line: #353c44; --link: #82b8ff;
    --good: #6fd08c; --bad: #ff8a80; --open: #e5c368; --shade: #1d2329; }
}
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { margin: 0 0 1rem; font-size: 1.75rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 2.25rem 0 .5rem; font-size: 1.1rem; }
.kind { margin: 0 0 .25rem; color: var(--soft); }
.state { margin: 1.5rem 0; padding: .75rem 1rem; border-left: 4px solid currentColor; background: var(--shade); font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); } .open { color: var(--open); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .4rem 1.5rem; margin: 1.5rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
ul { padding-left: 1.2rem; } li { margin: .35rem 0; overflow-wrap: anywhere; }
code { font: .875em/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
summary { cursor: pointer; }
details code { display: block; margin-top: .5rem; padding: .75rem; background: var(--shade); }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .6rem; } }
`
