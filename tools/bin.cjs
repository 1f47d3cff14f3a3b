#!/usr/bin/env node
/**
 * Entry of the published package: runs main.js with this Node if it is new enough, else with the one that the package
 * `node` brought along. Written for old versions of Node on purpose.
 */
'use strict'
const path = require('node:path')

const OLDEST_MAJOR = 24
const main = path.join(__dirname, 'main.js')

if (Number(process.versions.node.split('.')[0]) >= OLDEST_MAJOR) {
  silenceExperimentalWarnings()
  import(require('node:url').pathToFileURL(main).href)
} else {
  runWithOwnRuntime()
}

/** Does what --disable-warning=ExperimentalWarning does for a runtime that was started with it. */
function silenceExperimentalWarnings() {
  const listeners = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') for (const listener of listeners) listener(warning)
  })
}

function runWithOwnRuntime() {
  const runtime = findRuntime()
  if (runtime === undefined) {
    process.stderr.write(
      `fiducial: needs Node ${OLDEST_MAJOR} or newer, and this is ${process.version}; the package "node" that would ` +
        'bring it along is not installed (npm rebuild node)\n',
    )
    process.exit(69)
  }
  const args = ['--disable-warning=ExperimentalWarning', main].concat(process.argv.slice(2))
  const child = require('node:child_process').spawn(runtime, args, { stdio: 'inherit' })
  // Ctrl-C at a terminal reaches the child by itself; signals sent to this process alone are handed on.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (cause) => {
    process.stderr.write(`fiducial: cannot start ${runtime}: ${cause.message}\n`)
    process.exit(69)
  })
  child.on('exit', (code, signal) => {
    if (signal !== null) {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    } else {
      process.exitCode = code
    }
  })
}

function findRuntime() {
  try {
    const manifest = require.resolve('node/package.json')
    const runtime = path.join(path.dirname(manifest), require(manifest).bin.node)
    require('node:fs').accessSync(runtime)
    return runtime
  } catch {
    return undefined
  }
}
