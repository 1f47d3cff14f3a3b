/** List statement: the question for instances that a filter asks of the tables in PostgreSQL. */
import type { InstanceFilter } from '../../../services/gateway/ports.ts'
import type { Parameter } from '../../log/postgres/database.ts'

export interface ListStatement {
  /** One for each text. */
  readonly name: string
  readonly text: string
  /** Of $2 and following. */
  readonly values: readonly Parameter[]
}

type Part = readonly [name: string, condition: (value: string) => string, value: Parameter | undefined]

const ANY_DELIVERY = `SELECT 1 FROM fiducial.gateway_delivery AS d WHERE d.gateway = $1 AND d.instance = i.id`

export function listStatement(filter: InstanceFilter): ListStatement {
  const { hasDead, limit, order } = filter
  const isNewestFirst = order === 'newest_first'
  const given = partsOf(filter, isNewestFirst).filter(([, , value]) => value !== undefined)
  const values = given.map(([, , value]) => value as Parameter)
  const conditions = given.map(([, condition], i) => condition(`$${i + 2}`))
  const dead = `SELECT instance FROM fiducial.gateway_delivery WHERE gateway = $1 AND state = 'dead'`
  if (hasDead !== undefined) conditions.push(`id ${hasDead ? 'IN' : 'NOT IN'} (${dead})`)
  const names = [...given.map(([name]) => name), hasDead === undefined ? '' : hasDead ? 'dead' : 'alive']
  return {
    name: `list_${isNewestFirst ? 'down' : 'up'}_${names.join('')}`,
    text: `SELECT * FROM fiducial.gateway_instance AS i
      WHERE gateway = $1 ${conditions.map((condition) => `AND ${condition}`).join(' ')}
      ORDER BY id ${isNewestFirst ? 'DESC' : 'ASC'} LIMIT $${values.length + 2}`,
    values: [...values, limit],
  }
}

function partsOf(filter: InstanceFilter, isNewestFirst: boolean): readonly Part[] {
  const { states, verdicts, studyInstanceUid, sopInstanceUid, callingAet, destination, since, until, after } = filter
  return [
    ['s', (value) => `state IN (SELECT json_array_elements_text(${value}))`, states && JSON.stringify(states)],
    [
      'v',
      (value) => `verdict_word IN (SELECT json_array_elements_text(${value}))`,
      verdicts && JSON.stringify(verdicts),
    ],
    ['y', (value) => `study_uid = ${value}`, studyInstanceUid],
    ['u', (value) => `uid = ${value}`, sopInstanceUid],
    ['c', (value) => `calling_aet = ${value}`, callingAet],
    ['d', (value) => `EXISTS (${ANY_DELIVERY} AND d.destination = ${value})`, destination],
    ['f', (value) => `received_at >= ${value}`, since?.getTime()],
    ['t', (value) => `received_at < ${value}`, until?.getTime()],
    ['a', (value) => `id ${isNewestFirst ? '<' : '>'} ${value}`, after],
  ]
}
