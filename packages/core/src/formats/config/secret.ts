/**
 * Secret reference: where a secret lies. A settings file names it and never holds it.
 */
import type { JsonValue } from '../json/parse.ts'
import { record, required, type Shape, text, variants } from './shape.ts'
import { isObject } from './value.ts'

export type SecretReference =
  /** Name of an environment variable. */
  | { readonly env: string }
  /** Path of a file, whose content without the end of its line is the secret. */
  | { readonly file: string }

export const SECRET: Shape<SecretReference> = variants<SecretReference>({
  env: record<{ readonly env: string }>({
    env: required(
      text(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'the name of an environment variable'),
      'environment variable',
    ),
  }),
  file: record<{ readonly file: string }>({
    file: required(text(/^[^\p{Cc}]{1,1024}$/u, 'a path'), 'path of a file that holds nothing else'),
  }),
})

/** Whether a value refers to a secret: for lists that must not show more than where it lies. */
export const isSecretReference = (json: JsonValue): json is { readonly env: string } | { readonly file: string } =>
  isObject(json) && Object.keys(json).length === 1 && ('env' in json || 'file' in json)
