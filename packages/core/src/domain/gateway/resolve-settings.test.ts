import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import type { JsonValue } from '../../formats/json/parse.ts'
import { resolveSettings, type SettingsInput } from './resolve-settings.ts'
import { SETTINGS } from './settings.ts'

const sourceOf = (input: SettingsInput, name: string) =>
  resolveSettings(input).effective.find((setting) => setting.name === name)

describe('resolveSettings', () => {
  it('gives every setting its default', () => {
    const { settings, effective } = resolveSettings({})
    assert.equal(settings.dicom.host, '127.0.0.1')
    assert.equal(settings.dicom.port, 11_112)
    assert.equal(settings.main.pacs, null)
    assert.equal(settings.retry.maxAttempts, 12)
    assert.equal(effective.length, SETTINGS.length)
    assert.ok(effective.every(({ source }) => source === 'default'))
  })

  it('lets a flag count before the environment, that before the file, and that before the default', () => {
    const file = { dicom: { port: 1 } }
    const environment = { FIDUCIAL_GATEWAY_DICOM_PORT: '2' }
    const flags = { 'dicom.port': 3 }
    assert.deepEqual(sourceOf({ file }, 'dicom.port'), { name: 'dicom.port', value: 1, source: 'file' })
    assert.deepEqual(sourceOf({ file, environment }, 'dicom.port'), {
      name: 'dicom.port',
      value: 2,
      source: 'environment',
    })
    assert.deepEqual(sourceOf({ file, environment, flags }, 'dicom.port'), {
      name: 'dicom.port',
      value: 3,
      source: 'flag',
    })
  })

  it('reads lists, flags, nulls and secrets from the environment, and passes over empty variables', () => {
    const { settings } = resolveSettings({
      environment: {
        FIDUCIAL_GATEWAY_PACS: 'ORTHANC@10.0.0.5:4242',
        FIDUCIAL_GATEWAY_DICOM_AET: '12345',
        FIDUCIAL_GATEWAY_DICOM_ACCEPTS_ANY_TITLE: 'true',
        FIDUCIAL_GATEWAY_DICOM_CALLERS: '[{"aet":"CT_1","addresses":"10.1.0.0/16"}]',
        FIDUCIAL_GATEWAY_STORAGE_DATABASE_PASSWORD: '{"file":"/run/secrets/db"}',
        FIDUCIAL_GATEWAY_VERIFY_TRUST: 'other-site.pem',
        FIDUCIAL_GATEWAY_DICOM_HOST: '',
        FIDUCIAL_GATEWAY_SETTINGS: 'gateway.yaml',
        HOME: '/root',
      },
    })
    assert.ok(settings.main.pacs?.protocol === 'dimse' && settings.main.pacs.aet === 'ORTHANC')
    assert.equal(settings.dicom.aet, '12345')
    assert.equal(settings.dicom.acceptsAnyTitle, true)
    assert.deepEqual(settings.dicom.callers, [{ aet: 'CT_1', addresses: ['10.1.0.0/16'], certificates: [] }])
    assert.deepEqual(settings.storage.databasePassword, { file: '/run/secrets/db' })
    assert.deepEqual(settings.verify.trust, ['other-site.pem'])
    assert.equal(settings.dicom.host, '127.0.0.1')
  })

  const refusals: readonly (readonly [string, SettingsInput, RegExp])[] = [
    [
      'a variable that is misspelled',
      { environment: { FIDUCIAL_GATEWAY_DICOM_PROT: '1' } },
      /did you mean FIDUCIAL_GATEWAY_DICOM_PORT\?/,
    ],
    [
      'a variable out of range',
      { environment: { FIDUCIAL_GATEWAY_DICOM_PORT: '70000' } },
      /^FIDUCIAL_GATEWAY_DICOM_PORT /,
    ],
    [
      'a variable that is no number',
      { environment: { FIDUCIAL_GATEWAY_DICOM_PORT: 'x' } },
      /^FIDUCIAL_GATEWAY_DICOM_PORT /,
    ],
    ['an unknown group', { file: { dicm: {} } }, /^dicm .*did you mean dicom\?/],
    ['an unknown name in a group', { file: { dicom: { prot: 1 } } }, /^dicom\.prot .*did you mean port\?/],
    ['a group that is none', { file: { dicom: 1 } }, /^dicom /],
    ['a file that is a list', { file: [] }, /object/],
    ['a PACS that is none', { file: { pacs: 'ORTHANC' } }, /^pacs /],
    ['a worklist by web', { file: { worklist: 'https://ris.example' } }, /^worklist /],
    ['a password in an address', { file: { storage: { database: 'postgres://u:p@host/db' } } }, /^storage\.database /],
    ['a secret in the file', { file: { audit: { fhirToken: 'abc' } } }, /^audit\.fhirToken /],
    ['a key without its certificate', { file: { dicom: { tlsKey: { env: 'X' } } } }, /tlsCertificate/],
    [
      'client certificates that nobody can check',
      { file: { dicom: { tlsClientCertificate: 'required' } } },
      /^dicom\.tlsCa /,
    ],
    ['no port at all', { file: { dicom: { port: null } } }, /^dicom\.port /],
    ['a range with bits behind it', { file: { dicom: { callers: [{ addresses: '10.0.0.1/8' }] } } }, /addresses/],
  ]
  for (const [name, input, says] of refusals) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => resolveSettings(input),
        (error) => error instanceof FormatError && error.code === 'settings_malformed' && says.test(error.message),
      )
    })
  }

  it('takes a flag of no setting for a mistake of the caller', () => {
    assert.throws(() => resolveSettings({ flags: { 'dicom.prot': 1 } }), TypeError)
  })

  it('names no two settings or variables alike', () => {
    for (const key of ['name', 'variable'] as const) {
      assert.equal(new Set(SETTINGS.map((setting) => setting[key])).size, SETTINGS.length)
    }
    assert.ok(SETTINGS.some(({ variable }) => variable === 'FIDUCIAL_GATEWAY_DICOM_TLS_CLIENT_CERTIFICATE'))
  })

  it('gives back under each name what the file says there', () => {
    for (const { name, fallback } of SETTINGS) {
      const [group = '', key] = name.split('.')
      const file: JsonValue = key === undefined ? { [group]: fallback } : { [group]: { [key]: fallback } }
      const { value, source } = sourceOf({ file }, name) ?? {}
      assert.deepEqual([value, source], [fallback, 'file'], name)
    }
  })
})
