/** Route means: what the routes of the gateway API work with. */
import type { GatewayControl } from '../../services/gateway/control.ts'
import type { DeviceSeals } from '../../services/gateway/device-seals.ts'
import type { Doorkeeper } from './callers.ts'
import type { Identity } from './messages.ts'

export interface RouteMeans {
  readonly control: GatewayControl
  readonly doorkeeper: Doorkeeper
  readonly identity: Identity
  readonly seals: Pick<DeviceSeals, 'put'>
  /** A path with a code that lets one browser in. */
  readonly invite: () => string
}
