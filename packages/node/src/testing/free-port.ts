/** Free port: a port of the loopback interface for a program of somebody else's that cannot listen on 0. */
import { connect, createServer } from 'node:net'

/** A port that nobody uses at the moment; whoever starts a program on it tries again with another one if it was taken. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** Whether somebody listens there. The connection is closed at once: programs take note of it and go on. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
