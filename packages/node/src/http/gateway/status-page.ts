/**
 * Status page: the gateway at a glance, for whoever runs it: what arrives, what is held back, what waits.
 *
 * Made on the server; a few lines of script replace its middle every two seconds, and say when the gateway is gone. It shows
 * no patient and changes nothing. Every text of others is escaped, with control and direction characters spelled out.
 */
import { createHash } from 'node:crypto'
import type { DestinationMessage, InstanceMessage, StatusMessage } from '@fiducial/core/api/gateway.ts'
import type { FastifyReply } from 'fastify'
import type { GatewayControl } from '../../services/gateway/control.ts'
import type { Face } from '../server.ts'
import type { Entrance } from './entrance.ts'
import { type Identity, toInstanceMessage, toStatusMessage } from './messages.ts'
import { STATUS_PAGE_SCRIPT, STATUS_PAGE_STYLE } from './status-page-assets.ts'

export interface StatusPageOptions {
  readonly control: GatewayControl
  readonly identity: Identity
  readonly entrance: Entrance
}

const ROWS = 40
const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
const POLICY = [
  "default-src 'none'",
  `style-src ${hashOf(STATUS_PAGE_STYLE)}`,
  `script-src ${hashOf(STATUS_PAGE_SCRIPT)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Serves `/`, and `/page` with what changes. */
export function statusPage({ control, identity, entrance }: StatusPageOptions): Face {
  const render = async (): Promise<string> => {
    const status = toStatusMessage(await control.status(), identity)
    const held = await control.list({ states: ['quarantined'], order: 'newest_first', limit: ROWS })
    const newest = await control.list({ order: 'newest_first', limit: ROWS })
    return formatMain(status, held.map(toInstanceMessage), newest.map(toInstanceMessage))
  }
  const answer = (reply: FastifyReply, html: string, status = 200): FastifyReply =>
    reply
      .code(status)
      .headers({ 'content-security-policy': POLICY, 'cache-control': 'no-store' })
      .type('text/html; charset=utf-8')
      .send(html)
  return (server) => {
    server.get('/', async (request, reply) =>
      entrance.isKnown(request)
        ? answer(reply, formatPage(identity, await render()))
        : answer(reply, formatPage(identity, STRANGER), 401),
    )
    server.get('/page', async (request, reply) =>
      entrance.isKnown(request) ? answer(reply, await render()) : answer(reply, STRANGER, 401),
    )
  }
}

const STRANGER = `<section class="empty"><h1>Fiducial gateway</h1>
<p>Open the address that the gateway printed when it started, or have a new one made: <code>fiducial gateway invite</code>.</p>
<p>Programs use the <code>/api/v1</code> with a token.</p></section>`

/** The whole page around what changes. */
export function formatPage({ isDemo, aeTitle }: Identity, main: string): string {
  const title = `${isDemo ? 'DEMO · ' : ''}Fiducial gateway${aeTitle === null ? '' : ` ${aeTitle}`}`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${shown(title)}</title><style>${STATUS_PAGE_STYLE}</style></head>
<body><p id="lost" role="alert" hidden>The gateway does not answer. This is what it said last; trying again.</p>
<main id="main">${main}</main>
<footer>Fiducial shows origin and integrity, not truth. Advisory software, not a medical device.</footer>
<script>${STATUS_PAGE_SCRIPT}</script></body></html>
`
}

/** What changes. */
export function formatMain(
  status: StatusMessage,
  held: readonly InstanceMessage[],
  newest: readonly InstanceMessage[],
): string {
  return [
    formatHead(status),
    formatTiles(status),
    held.length === 0
      ? ''
      : section(
          `Held back (${status.counts.states.quarantined})`,
          formatInstances(held),
          'A release takes two persons.',
        ),
    section('Destinations', formatDestinations(status.destinations)),
    section(
      'Newest images',
      newest.length === 0
        ? `<p class="empty">Nothing has come yet. Send to <code>${shown(status.aeTitle ?? 'the gateway')}</code>, and it appears here.</p>`
        : formatInstances(newest),
    ),
  ].join('\n')
}

function formatHead({
  isDemo,
  aeTitle,
  isReady,
  alarms,
  notLookedAt,
  version,
  startedAt,
  routes,
  log,
}: StatusMessage): string {
  const problems = [...alarms, ...(routes.problem === null ? [] : ['routes_file_not_in_force'])]
  const open = routes.failOpen.map((name) => `<span class="badge open">fails open: ${shown(name)}</span>`)
  const logText =
    log === null
      ? 'no custody log'
      : `custody log ${shown(log.origin)}: ${log.size} entries${log.isAvailable ? '' : ', not available'}`
  return `<header><h1>${isDemo ? '<span class="badge demo">DEMO</span> ' : ''}Gateway ${shown(aeTitle ?? '')}</h1>
<p class="state ${isReady ? 'good' : 'bad'}">${isReady ? 'Takes images in' : 'Takes no images in'}${problems
    .map((code) => ` <span class="badge bad">${shown(words(code))}</span>`)
    .join('')} ${open.join(' ')}</p>
<p class="soft">Version ${shown(version)}, since ${moment(startedAt)} · ${logText}${notLookedAt.length === 0 ? '' : ` · not looked at: ${shown(notLookedAt.join(', '))}`}</p></header>`
}

function formatTiles({ counts, spoolFreeBytes }: StatusMessage): string {
  const { states, verdicts, deliveries, pendingEvents } = counts
  const tiles: readonly (readonly [string, number | string, string])[] = [
    ['authentic', verdicts.authentic, 'good'],
    ['undetermined', verdicts.undetermined, 'open'],
    ['not authentic', verdicts.not_authentic, 'bad'],
    ['held back', states.quarantined, states.quarantined > 0 ? 'bad' : ''],
    ['to be examined', states.received, ''],
    ['to be sent', deliveries.waiting, ''],
    ['given up', deliveries.dead, deliveries.dead > 0 ? 'bad' : ''],
    ['to be logged', pendingEvents, ''],
    ['free', spoolFreeBytes === null ? '?' : bytes(spoolFreeBytes), ''],
  ]
  const list = tiles.map(([name, value, look]) => `<div class="tile ${look}"><dt>${name}</dt><dd>${value}</dd></div>`)
  return `<dl class="tiles">${list.join('')}</dl>`
}

function formatDestinations(destinations: readonly DestinationMessage[]): string {
  if (destinations.length === 0) return '<p class="empty">Images go nowhere: no destination is set.</p>'
  const look = { ready: 'good', waiting: 'open', failing: 'bad', paused: 'open' } as const
  const rows = destinations.map(
    ({ name, address, state, waiting, dead, lastError, nextAttemptAt, lastSentAt }) =>
      `<tr><th scope="row">${shown(name)}</th><td><code>${shown(address)}</code></td>` +
      `<td><span class="badge ${look[state]}">${state}</span>${lastError === null ? '' : ` ${shown(words(lastError))}`}` +
      `${nextAttemptAt === null || state !== 'failing' ? '' : `, again at ${moment(nextAttemptAt)}`}</td>` +
      `<td class="number">${waiting}</td><td class="number">${dead}</td><td>${lastSentAt === null ? '' : moment(lastSentAt)}</td></tr>`,
  )
  return table(['name', 'address', 'state', 'waiting', 'given up', 'last sent'], rows)
}

const LOOKS = { authentic: 'good', undetermined: 'open', not_authentic: 'bad' } as const

function formatInstances(instances: readonly InstanceMessage[]): string {
  const rows = instances.map((instance) => {
    const { receivedAt, origin, verdict, state, reasons, route, isSealedHere, sopInstanceUid, deliveries } = instance
    const sent = deliveries.filter((delivery) => delivery.state === 'sent').length
    const badge =
      verdict === null
        ? '<span class="badge">not examined</span>'
        : `<span class="badge ${LOOKS[verdict.verdict]}">${words(verdict.verdict)}</span> ${verdict.level}`
    const why = reasons.map((reason) => shown(words(reason))).join(', ')
    return (
      `<tr><td>${moment(receivedAt)}</td><td>${shown(origin.callingAet ?? origin.address ?? origin.protocol)}</td><td>${badge}` +
      `${verdict?.isSynthetic === true ? ' <span class="badge demo">synthetic</span>' : ''}</td>` +
      `<td>${shown(words(state))}${deliveries.length > 0 ? ` <span class="soft">${sent} of ${deliveries.length}</span>` : ''}</td>` +
      `<td>${shown(route ?? '')}${isSealedHere ? ' <span class="badge">sealed here</span>' : ''}</td>` +
      `<td>${shown(verdict?.sentence ?? '')}${why === '' ? '' : ` <span class="soft">${why}</span>`}` +
      `<br><code class="soft">${shown(sopInstanceUid ?? '')}</code></td></tr>`
    )
  })
  return table(['received', 'from', 'verdict', 'state', 'route', 'what is known'], rows)
}

const table = (heads: readonly string[], rows: readonly string[]): string =>
  `<div class="scroll" tabindex="0"><table><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join('')}</tr></thead>` +
  `<tbody>${rows.join('')}</tbody></table></div>`

const section = (title: string, content: string, remark = ''): string =>
  `<section><h2>${shown(title)}</h2>${remark === '' ? '' : `<p class="soft">${shown(remark)}</p>`}${content}</section>`

/** A code as words: `not_authentic` as `not authentic`. */
const words = (code: string): string => code.replaceAll('_', ' ')

const moment = (iso: string): string =>
  `<time datetime="${shown(iso)}">${shown(iso.slice(0, 19).replace('T', ' '))} UTC</time>`

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

function bytes(count: number): string {
  const step = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)))
  return `${(count / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${UNITS[step]}`
}

/** Characters that would be read in another order, or not be seen. */
const UNSEEN = /[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu
const MARKUP: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function shown(text: string): string {
  return text
    .slice(0, 1024)
    .replace(UNSEEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replace(/[&<>"']/g, (character) => MARKUP[character] as string)
}
