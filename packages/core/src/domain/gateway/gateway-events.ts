/**
 * Gateway events: what the gateway has the custody log say of an image, in the short form of a statement.
 *
 * Each event has its moment from the start: recorded again after a crash, it is the same statement. What a peer claims and
 * an event cannot hold, such as an AE title with a line end, is left out of it.
 */

import { FormatError } from '../../errors.ts'
import { JsonFields } from '../../formats/json/fields.ts'
import type { JsonObject } from '../../formats/json/parse.ts'
import { EVENT_DETAILS, type EventDetails } from '../log/event-details.ts'
import { AE_TITLE, CODE, CONTENT_DIGESTS, INSTANCE, TEXT } from '../log/event-parts.ts'
import type { RecordShape, Shape } from '../log/event-shape.ts'
import type { KnownImage } from './passage.ts'

/** Events that the gateway makes. */
export type GatewayEventType =
  | 'received'
  | 'sealed-at-gateway'
  | 'transcoded'
  | 'derived'
  | 'forwarded'
  | 'verified'
  | 'flagged'
  | 'quarantined'
  | 'released'

/** What happened. */
export type EventNews = {
  readonly [Type in GatewayEventType]: { readonly type: Type; readonly details: EventDetails[Type] }
}[GatewayEventType]

/** What happened to which image, and when. */
export interface GatewayEvent extends KnownImage {
  readonly at: Date
  readonly news: EventNews
}

/** The short form of a statement, as JSON: see services/log/read-news.ts. */
export function formatGatewayEvent({ instance, digests, at, news }: GatewayEvent): string {
  const shape = EVENT_DETAILS[news.type] as RecordShape<EventNews['details']>
  const value: JsonObject = {
    type: news.type,
    at: at.toISOString(),
    instance: INSTANCE.write(instance),
    digests: CONTENT_DIGESTS.write(digests),
    details: shape.write(fitting(news)),
  }
  return JSON.stringify(value)
}

/** Details in which every text is one that an event can hold. */
function fitting(news: EventNews): EventNews['details'] {
  switch (news.type) {
    case 'received':
      return {
        fromAet: fits(AE_TITLE, news.details.fromAet),
        fromAddress: fits(TEXT, news.details.fromAddress),
        protocol: fits(CODE, news.details.protocol) ?? 'other',
      }
    case 'forwarded':
      return {
        toAet: fits(AE_TITLE, news.details.toAet),
        toAddress: fits(TEXT, news.details.toAddress),
        protocol: fits(CODE, news.details.protocol) ?? 'other',
      }
    default:
      return news.details
  }
}

function fits(shape: Shape<string>, value: string | null): string | null {
  if (value === null) return null
  try {
    return shape.read(new JsonFields({ value }, 'event_malformed'), 'value')
  } catch (error) {
    if (error instanceof FormatError) return null
    throw error
  }
}
