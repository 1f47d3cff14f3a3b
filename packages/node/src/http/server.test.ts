import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { startServer } from './server.ts'

describe('server', () => {
  it('closes at once though somebody has connected and asks nothing', async () => {
    const server = await startServer([(app) => app.get('/x', async () => 'x')])
    const { port } = new URL(server.url)
    const sockets = await Promise.all(
      Array.from(
        { length: 3 },
        () =>
          new Promise<ReturnType<typeof connect>>((resolve) => {
            const socket = connect(Number(port), '127.0.0.1', () => resolve(socket))
            socket.on('error', () => undefined)
          }),
      ),
    )
    assert.equal((await fetch(`${server.url}/x`)).status, 200)
    const ended = Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))))
    await server.close()
    await ended
  })

  it('lets a request end that is under way when it closes', async () => {
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
    const { promise: answer, resolve: go } = Promise.withResolvers<string>()
    const server = await startServer([
      (app) =>
        app.get('/x', async () => {
          ask()
          return answer
        }),
    ])
    const response = fetch(`${server.url}/x`)
    await asked
    const closed = server.close()
    go('done')
    assert.equal(await (await response).text(), 'done')
    await closed
  })

  it('takes longer addresses where it is told to', async (t) => {
    const server = await startServer([(app) => app.get('/x', async () => 'x')], { urlLimit: 5000 })
    t.after(() => server.close())
    assert.equal((await fetch(`${server.url}/x?${'y'.repeat(4000)}`)).status, 200)
    assert.equal((await fetch(`${server.url}/x?${'y'.repeat(6000)}`)).status, 414)
  })
})
