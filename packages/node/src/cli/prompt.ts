/**
 * Prompt: questions to whoever sits at the terminal. They go to standard error, so that results can be piped.
 */
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import type { Terminal } from './terminal.ts'

/** What stopped a question: not an error of anybody. */
function interrupted(): Error {
  return new DOMException('interrupted', 'AbortError')
}

/** Asks for a line. @param isHidden  what is typed does not show */
export function ask(question: string, { stdin, stderr, interruption }: Terminal, isHidden = false): Promise<string> {
  // readline echoes to its output and needs a terminal's raw mode to be the one who does.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  stderr.write(question)
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: stdin, output: isHidden ? silent : stderr, terminal: true })
    if (!isHidden) lines.setPrompt('')
    let answer: string | undefined
    const stop = (): void => lines.close()
    interruption.addEventListener('abort', stop, { once: true })
    lines.on('line', (line) => {
      answer = line
      lines.close()
    })
    lines.on('SIGINT', stop)
    lines.on('close', () => {
      interruption.removeEventListener('abort', stop)
      if (isHidden || answer === undefined) stderr.write('\n')
      if (answer === undefined) reject(interrupted())
      else resolve(answer)
    })
  })
}

/** Lets choose one of several; asks again until a number of the list is given. */
export async function choose(question: string, choices: readonly string[], terminal: Terminal): Promise<number> {
  for (const [index, choice] of choices.entries()) terminal.stderr.write(`  ${index + 1}  ${choice}\n`)
  for (;;) {
    const answer = await ask(`${question} [1-${choices.length}] `, terminal)
    const number = Number(answer.trim())
    if (Number.isInteger(number) && number >= 1 && number <= choices.length) return number - 1
  }
}
