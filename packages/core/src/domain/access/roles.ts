/**
 * Roles: what whoever comes by the network may do.
 *
 * A role is a list of permissions, and a permission is what one thing that can be done asks for. A caller has one role.
 * Nobody may by default; what is not listed is refused.
 */

export const PERMISSIONS = {
  'status.read': 'sees states, counts, destinations and routes',
  'metrics.read': 'reads the measurements',
  'instances.read': 'sees which images came, and what they were judged',
  'instances.retrieve': 'gets images, and metadata that name patients',
  'instances.store': 'sends images',
  'quarantine.release': 'asks for a release, or confirms that of somebody else',
  'quarantine.reject': 'takes an image out of quarantine for good',
  'quarantine.reexamine': 'has an image in quarantine judged anew',
  'deliveries.control': 'sends again what was given up, holds a destination back',
  'routes.test': 'asks which way an image would take',
  'audit.read': 'reads the reports of audits',
  'audit.run': 'starts an audit',
  'access.manage': 'makes and revokes tokens',
} as const
export type Permission = keyof typeof PERMISSIONS

const SEEING = ['status.read', 'instances.read', 'audit.read'] as const satisfies readonly Permission[]

export const ROLES = {
  administrator: Object.keys(PERMISSIONS) as readonly Permission[],
  security: [
    ...SEEING,
    'metrics.read',
    'instances.retrieve',
    'quarantine.release',
    'quarantine.reject',
    'quarantine.reexamine',
    'routes.test',
    'audit.run',
  ],
  radiologist: ['status.read', 'instances.read', 'instances.retrieve', 'quarantine.release'],
  investigator: [...SEEING, 'instances.retrieve'],
  reader: ['instances.retrieve'],
  auditor: [...SEEING, 'metrics.read'],
  /** A modality or another system that sends by DICOMweb. */
  sender: ['instances.store'],
  /** A system that watches. */
  monitor: ['status.read', 'metrics.read'],
} as const satisfies Record<string, readonly Permission[]>
export type AccessRole = keyof typeof ROLES

export const isAccessRole = (word: string): word is AccessRole => Object.hasOwn(ROLES, word)

/** Whether a role may do something. */
export const mayRole = (role: AccessRole, permission: Permission): boolean =>
  (ROLES[role] as readonly Permission[]).includes(permission)
