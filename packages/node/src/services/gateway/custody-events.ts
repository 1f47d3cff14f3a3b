/**
 * Custody events: the custody log of the site, as the gateway records in it.
 */
import { FormatError } from '@fiducial/core/errors.ts'
import { parseJson } from '@fiducial/core/formats/json/parse.ts'
import { type NewsSite, readNews } from '../log/read-news.ts'
import type { SiteLog } from '../log/site-log.ts'
import type { EventLog } from './outbox.ts'

/** A log that is open for appending. @param onFailure  told of timestamp authorities that failed */
export function custodyEvents(
  { recorder, settle }: Pick<SiteLog, 'recorder'> & { readonly settle: () => ReturnType<SiteLog['settle']> },
  site: NewsSite,
  onFailure: (error: unknown) => void,
): EventLog {
  return {
    async record(text) {
      const { kind, ...read } = readNews(parseJson(text), site)
      if (kind !== 'news' || !('news' in read)) throw new FormatError('event_malformed', 'a whole statement')
      return (await recorder.record(read.news)).index
    },
    async settle() {
      for (const failure of (await settle()).failures) onFailure(failure)
    },
  }
}
