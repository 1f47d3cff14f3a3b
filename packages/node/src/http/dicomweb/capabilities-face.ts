/**
 * Capabilities face: what our DICOMweb service can do, for programs that ask before they send.
 *
 * Source: PS3.18 section 8.9 (Retrieve Capabilities), WADL (W3C submission 2009-08-31). The root answers OPTIONS and GET with
 * WADL for who asks for it, else with JSON. It tells nothing that the conformance statement does not.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Face } from '../server.ts'
import { TRANSACTIONS, type WebTransaction } from './transactions.ts'
import { acceptedTypes, refuse, refuseError, WEB_PREFIX, type WebFaceOptions } from './web-face.ts'

export interface CapabilitiesFaceOptions extends Pick<WebFaceOptions, 'prefix'> {
  /** Of which services. Default: all. */
  readonly services?: readonly WebTransaction['service'][]
}

const WADL = 'application/vnd.sun.wadl+xml'

export function capabilitiesFace({ prefix = WEB_PREFIX, services }: CapabilitiesFaceOptions = {}): Face {
  const transactions = TRANSACTIONS.filter(({ service }) => services?.includes(service) ?? true)
  const answer = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    try {
      const wanted = acceptedTypes(request).find(({ type }) =>
        [WADL, 'application/xml', 'text/xml', 'application/json', 'application/*', '*/*'].includes(type),
      )
      if (wanted === undefined) return refuse(reply, 406, `capabilities are application/json or ${WADL}`)
      reply.header('cache-control', 'no-store').header('allow', 'GET, OPTIONS')
      if (wanted.type === WADL || wanted.type.endsWith('/xml')) {
        return reply
          .header('content-type', WADL)
          .send(formatWadl(transactions, `${request.protocol}://${request.host}${prefix}`))
      }
      return reply.header('content-type', 'application/json; charset=utf-8').send(JSON.stringify({ transactions }))
    } catch (error) {
      return refuseError(reply, error)
    }
  }
  return (server) => {
    for (const path of [`${prefix}/`, ...(prefix === '' ? [] : [prefix])]) {
      server.route({ method: ['GET', 'OPTIONS'], url: path, handler: async (request, reply) => answer(request, reply) })
    }
  }
}

/** One resource a path, with its methods below it. */
export function formatWadl(transactions: readonly WebTransaction[], base: string): string {
  const resources = [...Map.groupBy(transactions, ({ path }) => path)].map(([path, members]) => {
    const methods = members.map(({ method, service, takes, gives }) => {
      const request = takes.length === 0 ? '' : `<request>${takes.map(representation).join('')}</request>`
      return `<method name="${method}" id="${escapeXml(`${service} ${path}`)}">${request}<response status="200">${gives.map(representation).join('')}</response></method>`
    })
    return `<resource path="${escapeXml(path.slice(1))}">${methods.join('')}</resource>`
  })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<application xmlns="http://wadl.dev.java.net/2009/02">',
    `<resources base="${escapeXml(`${base}/`)}">`,
    ...resources,
    '</resources>',
    '</application>',
    '',
  ].join('\n')
}

const representation = (type: string): string => `<representation mediaType="${escapeXml(type)}"/>`

const escapeXml = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character] ?? '')
