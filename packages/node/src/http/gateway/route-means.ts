/** Route means: what the routes of the gateway API work with. */
import type { SiteSweeps } from '../../services/audit/site-sweeps.ts'
import type { GatewayControl } from '../../services/gateway/control.ts'
import type { DeviceSeals } from '../../services/gateway/device-seals.ts'
import type { StoredInstance } from '../../services/gateway/ports.ts'
import type { Doorkeeper } from './callers.ts'
import type { Identity } from './messages.ts'

export interface RouteMeans {
  readonly control: GatewayControl
  readonly doorkeeper: Doorkeeper
  readonly identity: Identity
  readonly seals: Pick<DeviceSeals, 'put'>
  /** The seal file of an image: of its device, or of the gateway; undefined where there is none. */
  readonly sealOf: (instance: StoredInstance) => Promise<Uint8Array | undefined>
  /** Sweeps of the archive; absent where none is swept. */
  readonly sweeps?: Pick<SiteSweeps, 'status' | 'begin'>
  /** An address with a code that lets one browser in. */
  readonly invite: () => string
}
