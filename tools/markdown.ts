/**
 * Markdown: the few parts of a document that can be checked: links, headings, code blocks, inline code, table rows.
 *
 * Reads the spellings that this repository uses (fenced blocks, ATX headings, inline links); it is no full parser.
 */

/** A fenced block. */
export interface CodeBlock {
  /** First word after the fence, such as `sh`. */
  readonly language: string
  /** Further words after the fence. */
  readonly marks: readonly string[]
  readonly text: string
  /** Number of the first line inside, from 1. */
  readonly line: number
}

/** Something found in the prose, with its line. */
export interface Mention {
  readonly text: string
  readonly line: number
}

/** One document. */
export interface Document {
  /** Path below the root, with forward slashes. */
  readonly path: string
  readonly blocks: readonly CodeBlock[]
  /** Targets of inline links and pictures. */
  readonly links: readonly Mention[]
  /** Names by which headings can be linked. */
  readonly anchors: ReadonlySet<string>
  /** Contents of `inline code`. */
  readonly inlineCode: readonly Mention[]
  /** Table rows, as trimmed cells. */
  readonly rows: readonly (readonly string[])[]
}

/** Reads a document. */
export function readDocument(path: string, text: string): Document {
  const blocks: CodeBlock[] = []
  const prose: string[] = []
  let open: { fence: string; info: string; line: number; lines: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const fence = line.match(/^\s*(`{3,}|~{3,})\s*(.*)$/)
    if (open !== undefined) {
      if (fence?.[1]?.startsWith(open.fence) === true && fence[2] === '') {
        blocks.push(codeBlock(open.info, open.lines, open.line))
        open = undefined
      } else {
        open.lines.push(line)
      }
      prose.push('')
    } else if (fence !== null) {
      open = { fence: fence[1] ?? '', info: fence[2] ?? '', line: index + 2, lines: [] }
      prose.push('')
    } else {
      prose.push(line)
    }
  }
  if (open !== undefined) blocks.push(codeBlock(open.info, open.lines, open.line))
  const withoutCode = prose.map((line) => line.replace(/`[^`]*`/g, ''))
  return {
    path,
    blocks,
    links: mentions(withoutCode, /\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)/g),
    anchors: anchorsOf(prose),
    inlineCode: mentions(prose, /`([^`]+)`/g),
    rows: prose.filter((line) => /^\|.*\|\s*$/.test(line)).map(cellsOf),
  }
}

function codeBlock(info: string, lines: readonly string[], line: number): CodeBlock {
  const [language = '', ...marks] = info.trim().split(/\s+/)
  return { language, marks, text: `${lines.join('\n')}\n`, line }
}

function cellsOf(line: string): string[] {
  return line
    .trim()
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim())
}

function mentions(lines: readonly string[], pattern: RegExp): Mention[] {
  return lines.flatMap((line, index) =>
    [...line.matchAll(pattern)].map((match) => ({ text: match[1] ?? '', line: index + 1 })),
  )
}

/** The names that code hosts give to headings: lower case, punctuation gone, spaces to hyphens, numbered when repeated. */
function anchorsOf(lines: readonly string[]): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const line of lines) {
    const heading = line.match(/^#{1,6}\s+(.*?)\s*#*$/)?.[1]
    if (heading === undefined) continue
    const name = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-')
    let unique = name
    for (let i = 1; anchors.has(unique); i++) unique = `${name}-${i}`
    anchors.add(unique)
  }
  return anchors
}
