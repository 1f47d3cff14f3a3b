/**
 * A log, its witnesses and its monitors as programs of their own: what is shown, what is held back, and what is found out.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it, type TestContext } from 'node:test'
import { judgeQuorum, keysOfPolicy } from '@fiducial/core/domain/log/quorum.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { formatVerifierKey, parseVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { parseCheckpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import { parseWitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { type Outcome, repositoryRoot, run, temporaryFolder } from '../testing/peers.ts'
import { makeKeys, takeImage } from '../testing/transcript-stage.ts'
import { findFreePort, litewitnessSkip, startLitewitness } from './litewitness.ts'

const MAIN = join(repositoryRoot, 'packages/node/src/main.ts')
const ORIGIN = 'hospital.example/log'

interface Started {
  /** What it said of itself. */
  readonly record: Readonly<Record<string, unknown>>
  readonly url: string
  stderr(): string
  /** Asks it to end; resolves with its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** A folder for one test, with images, and the command line in it. */
class Place {
  readonly folder: string
  readonly #t: TestContext

  constructor(t: TestContext) {
    this.#t = t
    this.folder = temporaryFolder(t)
    mkdirSync(this.at('in'))
    for (const [name, image] of IMAGES) writeFileSync(this.at('in', name), image)
  }

  at(...names: readonly string[]): string {
    return join(this.folder, ...names)
  }

  #env(home: string): Record<string, string> {
    return { ...(process.env as Record<string, string>), FIDUCIAL_HOME: this.at(home), NO_COLOR: '1' }
  }

  /** Runs a command to its end. */
  run(home: string, ...words: readonly string[]): Promise<Outcome> {
    return run(process.execPath, [MAIN, ...words], { cwd: this.folder, env: this.#env(home) })
  }

  async must(home: string, ...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(home, ...words)
    assert.equal(code, 0, `${words.join(' ')}: ${stdout}${stderr}`)
    return stdout
  }

  /** Starts a command that stays; it ends with the test. */
  async start(home: string, ...words: readonly string[]): Promise<Started> {
    const child = spawn(process.execPath, [MAIN, ...words, '--json'], { cwd: this.folder, env: this.#env(home) })
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    this.#t.after(async () => {
      child.kill('SIGKILL')
      await ended
    })
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8')
    })
    const record = JSON.parse(await firstLine(child, () => stderr)) as Started['record']
    const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
      child.kill(signal)
      return ended
    }
    return { record, url: String(record.url), stderr: () => stderr, stop }
  }

  /** Makes a witness, and says what a policy says of it. */
  async makeWitness(name: string, port: number): Promise<readonly string[]> {
    const stdout = await this.must(name, 'log', 'witness', '--name', `${name}.example/w`, '--port', `${port}`, '--json')
    return (JSON.parse(stdout) as { policy: string[] }).policy
  }

  /** A site with keys, and a log that two witnesses have to cosign. */
  async makeSite(lines: readonly string[], members: readonly string[]): Promise<void> {
    cpSync(KEYS, this.at('site'), { recursive: true })
    writeFileSync(this.at('witnesses'), [...lines, `group both all ${members.join(' ')}`, 'quorum both', ''].join('\n'))
    await this.must('site', 'log', 'init', '--origin', ORIGIN, '--policy', 'witnesses')
  }

  seal(home: string, ...images: readonly string[]): Promise<Outcome> {
    const inputs = images.map((image) => join('in', image))
    return this.run(home, 'seal', ...inputs, '--out', `sealed-${home}`)
  }

  policy(): ReturnType<typeof parseWitnessPolicy> {
    return parseWitnessPolicy(readFileSync(this.at('site', 'log', 'policy')), nativeCrypto.hash)
  }

  /** Who of the policy has cosigned what is published. */
  published(): { readonly size: bigint; readonly state: string; readonly witnesses: readonly string[] } {
    const result = verifyCheckpoint(this.#read('checkpoint'), keysOfPolicy(this.policy()), nativeCrypto)
    assert.ok(result.state === 'valid')
    const { state, witnesses } = judgeQuorum(this.policy(), result)
    return { size: result.checkpoint.size, state, witnesses: witnesses.map(({ witness }) => witness.name) }
  }

  /** Entries that are durable, published or not. */
  durableSize(): bigint {
    return parseCheckpoint(parseNote(this.#read('.private/head')).text).size
  }

  #read(name: string): string {
    return readFileSync(this.at('site', 'log', name), 'utf8')
  }
}

function firstLine(child: ChildProcess, stderr: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
      const end = text.indexOf('\n')
      if (end >= 0) resolve(text.slice(0, end))
    })
    child.once('close', (code) => reject(new Error(`ended with ${code}: ${stderr()}`)))
  })
}

const IMAGES = [
  ['one.dcm', takeImage('hand', 'one')],
  ['two.dcm', takeImage('hand', 'two')],
  ['three.dcm', takeImage('hand', 'three')],
  ['other.dcm', takeImage('hand', 'other')],
] as const
const KEYS = join(temporaryFolder(), 'keys')

describe('A log, its witnesses and its monitors', () => {
  before(() => makeKeys(KEYS))

  it('shows what two witnesses have cosigned, holds back the rest, and cannot show two histories', async (t) => {
    const place = new Place(t)
    const ports = [await findFreePort(), await findFreePort()] as const
    const lines = [...(await place.makeWitness('insurer', ports[0])), ...(await place.makeWitness('court', ports[1]))]
    await place.makeSite(lines, ['insurer.example/w', 'court.example/w'])
    const policy = ['--policy', place.at('site/log/policy')]
    const insurer = await place.start('insurer', 'log', 'witness', ...policy, '--port', `${ports[0]}`, '-v')
    let court = await place.start('court', 'log', 'witness', ...policy, '--port', `${ports[1]}`)
    assert.deepEqual(insurer.record.logs, [ORIGIN])

    // Both are there.
    assert.equal((await place.seal('site', 'one.dcm')).code, 0)
    const first = place.published()
    assert.equal(first.state, 'witnessed')
    assert.equal(first.witnesses.length, 4, 'two keys of each')
    assert.match(insurer.stderr(), /POST \/add-checkpoint 200 /)
    cpSync(place.at('site'), place.at('forger'), { recursive: true })

    // One is away: what is sealed is safe, and shown to nobody.
    assert.equal(await court.stop(), 0)
    const held = await place.seal('site', 'two.dcm')
    assert.equal(held.code, 69, held.stdout)
    assert.match(held.stderr, /witness_quorum_missing/)
    assert.deepEqual(place.published(), first)
    const durable = place.durableSize()
    assert.ok(durable > first.size)
    assert.ok(existsSync(place.at('sealed-site/two.dcm')))

    // It is back, and the log is kept up by the program that serves it.
    court = await place.start('court', 'log', 'witness', ...policy, '--port', `${ports[1]}`)
    const server = await place.start('site', 'log', 'serve', '--work', '--port', '0')
    assert.ok(BigInt(String(server.record.size)) >= durable)
    assert.deepEqual([place.published().state, place.published().size >= durable], ['witnessed', true])
    assert.equal((await place.seal('site', 'two.dcm')).code, 0)
    assert.equal((await place.run('site', 'verify', 'sealed-site')).code, 0)

    // Somebody else watches: all show one history.
    writeFileSync(place.at('policy'), readFileSync(place.at('site/log/policy')))
    const monitor = ['log', 'monitor', '--policy', 'policy', '--json']
    const calm = JSON.parse(await place.must('auditor', ...monitor, server.url)) as Report
    assert.deepEqual([calm.verdict, calm.isWitnessed, calm.sources.length], ['consistent', true, 3])

    // Whoever has the keys and a copy writes another history: no witness takes it, and each keeps what it has seen.
    const refused = await place.seal('forger', 'other.dcm', 'three.dcm')
    assert.equal(refused.code, 69)
    assert.match(refused.stderr, /witness_conflict/)
    const kept = readdirSync(place.at('insurer/witness/split-views')).map((name) =>
      place.at('insurer/witness/split-views', name),
    )
    assert.match(insurer.stderr(), /ALARM: hospital\.example\/log has signed two histories/)

    // Shown without witnesses, it is found out.
    const forged = readFileSync(place.at('forger/log/policy'), 'latin1').replace(/^quorum .*$/m, 'quorum none')
    writeFileSync(place.at('forger/log/policy'), forged, 'latin1')
    assert.equal((await place.seal('forger', 'other.dcm')).code, 0)
    const fork = await place.start('forger', 'log', 'serve', '--port', '0')
    const alarm = await place.run('auditor', ...monitor, server.url, fork.url)
    assert.equal(alarm.code, 1, alarm.stdout + alarm.stderr)
    const { verdict, evidence } = JSON.parse(alarm.stdout) as Report
    assert.equal(verdict, 'split_view')
    assert.ok(evidence.length > 0 && kept.length > 0)
    for (const path of [evidence[0] ?? '', kept[0] ?? '']) {
      const checked = await place.must('anybody', 'log', 'monitor', '--check', path, '--policy', 'policy', '--json')
      assert.equal((JSON.parse(checked) as { finding: string }).finding, 'proven')
    }
    for (const started of [insurer, court, server, fork])
      assert.equal(await started.stop('SIGINT'), 0, started.stderr())
  })

  it('is cosigned by a witness of ours and by one that is not, and needs both', {
    skip: litewitnessSkip,
  }, async (t) => {
    const place = new Place(t)
    const port = await findFreePort()
    const theirs = await startLitewitness(t, 'litewitness.example/w')
    const lines = [
      ...(await place.makeWitness('insurer', port)),
      `witness theirs ${formatVerifierKey(theirs.key)} ${theirs.url}`,
    ]
    await place.makeSite(lines, ['insurer.example/w', 'theirs'])
    const [logKey] = place.policy().logs
    assert.ok(logKey?.key.type === 'ed25519')
    theirs.watch(ORIGIN, parseVerifierKey(formatVerifierKey(logKey.key), nativeCrypto.hash))
    const witness = () =>
      place.start('insurer', 'log', 'witness', '--policy', place.at('site/log/policy'), '--port', `${port}`)
    const ours = await witness()

    assert.equal((await place.seal('site', 'one.dcm')).code, 0)
    const { state, witnesses, size } = place.published()
    assert.deepEqual([state, witnesses.length, theirs.sizeOf(ORIGIN)], ['witnessed', 3, Number(size)])

    await ours.stop()
    const held = await place.seal('site', 'two.dcm')
    assert.deepEqual([held.code, place.published().size], [69, size])

    await witness()
    assert.equal((await place.seal('site', 'two.dcm')).code, 0)
    assert.equal(place.published().state, 'witnessed')
    assert.equal(theirs.sizeOf(ORIGIN), Number(place.published().size))
    // A witness that shows nothing to monitors does not disturb one.
    const report = JSON.parse(await place.must('site', 'log', 'monitor', '--json')) as Report
    assert.deepEqual(
      report.sources.map(({ kind, state: found }) => [kind, found]),
      [
        ['mirror', 'consistent'],
        ['witness', 'consistent'],
        ['witness', 'unreachable'],
      ],
    )
  })
})

interface Report {
  readonly verdict: string
  readonly isWitnessed: boolean
  readonly sources: readonly { readonly kind: string; readonly state: string }[]
  readonly evidence: readonly string[]
}
