/** Status page assets: how the page of a gateway looks, by day and by night, and how it stays up to date. */

export const STATUS_PAGE_STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --ground: #fff; --line: #d5dae0; --link: #0b57b0;
  --good: #17692f; --bad: #b3261e; --open: #6b5200; --shade: #f3f5f7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebee; --soft: #a3adb8; --ground: #14181c; --line: #353c44; --link: #82b8ff;
    --good: #6fd08c; --bad: #ff8a80; --open: #e5c368; --shade: #1d2329; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 86rem; margin: 0 auto; padding: 1.5rem 1.25rem 2rem; }
footer { max-width: 86rem; margin: 0 auto; padding: 0 1.25rem 2rem; color: var(--soft); font-size: .85rem; }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.2; }
h2 { margin: 2rem 0 .5rem; font-size: 1.05rem; }
p { margin: .25rem 0; }
.state { font-weight: 600; } .soft { color: var(--soft); }
.good { color: var(--good); } .bad { color: var(--bad); } .open { color: var(--open); }
.badge { display: inline-block; padding: 0 .5em; border: 1px solid currentColor; border-radius: 1em; font-size: .8rem;
  font-weight: 600; white-space: nowrap; }
.demo { color: var(--link); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 1.25rem 0 0; }
.tile { padding: .6rem .9rem; background: var(--shade); border-radius: .5rem; border-left: 3px solid currentColor; }
.tile dt { color: var(--soft); font-size: .85rem; } .tile dd { margin: 0; font-size: 1.5rem; font-weight: 600; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--soft); font-size: .85rem; font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
time { white-space: nowrap; font-variant-numeric: tabular-nums; }
code { font: .85em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
.empty { padding: 1rem; background: var(--shade); border-radius: .5rem; }
#lost { margin: 0; padding: .6rem 1.25rem; background: var(--bad); color: var(--ground); font-weight: 600; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
@media print { #lost { display: none; } }
`

export const STATUS_PAGE_SCRIPT = `
'use strict';
const main = document.getElementById('main'), lost = document.getElementById('lost');
async function look() {
  try {
    const answer = await fetch('/page', { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    if (!answer.ok && answer.status !== 401) throw new Error(answer.status);
    const html = await answer.text();
    if (html !== look.last && !main.contains(document.activeElement)) main.innerHTML = look.last = html;
    lost.hidden = true;
  } catch {
    lost.hidden = false;
  }
  setTimeout(look, document.hidden ? 10000 : 2000);
}
setTimeout(look, 2000);
`
